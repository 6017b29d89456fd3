import type { Register } from '../command.ts';

export const register: Register = (program, run) => {
  program
    .command('serve')
    .description('run the server (what npm start does)')
    .action(() =>
      run(async (config) => {
        const { serve } = await import('../../main.ts');
        await serve(config);
        return undefined;
      }),
    );
};
