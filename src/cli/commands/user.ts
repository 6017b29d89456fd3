import type { Register } from '../command.ts';
import { administer } from '../command.ts';

export const register: Register = (program, run) => {
  const user = program.command('user').description('people');
  user
    .command('create')
    .description('make an account and a token for it')
    .requiredOption('--name <name>', 'user name, 2 to 32 characters')
    .option('--password <password>', 'password for /auth/login; without one the account logs in by token only')
    .action((options: { name: string; password?: string }) =>
      run((config) => administer(config, 'user.create', { name: options.name, password: options.password ?? null })),
    );
};
