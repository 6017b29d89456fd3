import type { Register } from '../command.ts';
import { examine, examineServing } from '../../control/doctor.ts';

export const register: Register = (program, _run, runUnconfigured) => {
  program
    .command('doctor')
    .description('check the machine, the build, the data and the running server')
    .option('--serving', 'check only that a server runs here and answers')
    .action((options: { serving?: boolean }) =>
      runUnconfigured(async (load) => {
        const report = await (options.serving ? examineServing(load) : examine(load));
        if (!report.ok) process.exitCode = 1;
        return { ...report };
      }),
    );
};
