import type { Register } from '../command.ts';
import { examine } from '../../control/doctor.ts';

export const register: Register = (program, _run, runUnconfigured) => {
  program
    .command('doctor')
    .description('check the machine, the build, the data and the running server')
    .action(() =>
      runUnconfigured(async (load) => {
        const report = await examine(load);
        if (!report.ok) process.exitCode = 1;
        return { ...report };
      }),
    );
};
