import type { Register } from '../command.ts';
import { administer } from '../command.ts';

export const register: Register = (program, run) => {
  const token = program.command('token').description('tokens of people and bots');
  token
    .command('create')
    .description('make one more token')
    .requiredOption('--user <user id>', 'whose')
    .action((options: { user: string }) => run((config) => administer(config, 'token.create', { ...options })));
  token
    .command('revoke')
    .description('revoke every token of an account; its live sessions end within a second')
    .requiredOption('--user <user id>', 'whose')
    .action((options: { user: string }) => run((config) => administer(config, 'token.revoke', { ...options })));
};
