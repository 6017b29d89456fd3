import type { Register } from '../command.ts';
import { describeConfig } from '../../control/doctor.ts';

export const register: Register = (program, _run, runUnconfigured) => {
  program
    .command('check-config')
    .description('read the configuration as the server would, and say what is wrong with it')
    .action(() =>
      runUnconfigured(async (load) => {
        const report = describeConfig(load);
        if (!report.ok) process.exitCode = 1;
        return { ...report };
      }),
    );
};
