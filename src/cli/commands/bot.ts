import type { Register } from '../command.ts';
import { administer } from '../command.ts';

export const register: Register = (program, run) => {
  const bot = program.command('bot').description('bots and their applications');
  bot
    .command('create')
    .description('make an application with its bot user and a token')
    .requiredOption('--name <name>', 'name of the bot')
    .requiredOption('--owner <user id>', 'the person it belongs to')
    .option('--privileged <intents>', 'privileged intents: all, none, or a list of members,presences,content', 'all')
    .action((options: { name: string; owner: string; privileged: string }) =>
      run((config) => administer(config, 'bot.create', { ...options })),
    );
};
