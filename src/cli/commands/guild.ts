import { resolve } from 'node:path';
import type { Register } from '../command.ts';
import { administer } from '../command.ts';
import { UsageError } from '../output.ts';

/** One fill at a time; more is made by calling again. */
const FILL_MEMBERS_MAX = 1_000_000;

export const register: Register = (program, run) => {
  const guild = program.command('guild').description('guilds and their members');
  guild
    .command('create')
    .description('make a guild with a text and a voice channel and an invite')
    .requiredOption('--name <name>', 'name of the guild')
    .requiredOption('--owner <user id>', 'its owner')
    .action((options: { name: string; owner: string }) =>
      run((config) => administer(config, 'guild.create', { ...options })),
    );
  guild
    .command('join')
    .description('make a person or a bot a member')
    .requiredOption('--guild <guild id>', 'which guild')
    .requiredOption('--user <user id>', 'who joins')
    .action((options: { guild: string; user: string }) =>
      run((config) => administer(config, 'guild.join', { ...options })),
    );
  guild
    .command('fill')
    .description('make many accounts with plausible names and join them, for tests and load')
    .requiredOption('--guild <guild id>', 'which guild')
    .requiredOption('--members <count>', 'how many accounts to make')
    .option('--tokens <file>', 'write one {"user_id","token"} a line to this file')
    .action((options: { guild: string; members: string; tokens?: string }) => {
      const members = Number(options.members);
      if (!Number.isInteger(members) || members < 1 || members > FILL_MEMBERS_MAX) {
        throw new UsageError(`--members: a whole number from 1 to ${FILL_MEMBERS_MAX}, not '${options.members}'`);
      }
      const tokens = options.tokens === undefined ? null : resolve(options.tokens);
      return run((config) => administer(config, 'guild.fill', { guild: options.guild, members, tokens }));
    });
};
