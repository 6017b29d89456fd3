import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ManualClock } from '../../base/clock.ts';
import { SnowflakeGenerator } from '../../base/snowflake.ts';
import { ApiError } from '../../protocol/errors.ts';
import { validate } from '../../protocol/form.ts';
import { MemoryStore } from '../../state/store/memory.ts';
import { buildCommand, checkRoom, commandForm, commandListForm, listCommands, overwrite } from './commands.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const ids = new SnowflakeGenerator(new ManualClock(), 0, 0);
const scope = { application_id: '1200000000000000007', guild_id: null };
const build = (body: unknown) => buildCommand(ids, scope, validate(commandForm, body), null);

test('a slash command keeps its options as they were given, and gets an id and a version', () => {
  const options = [
    { type: 3, name: 'what', description: 'the thing', required: true, choices: [{ name: 'one', value: '1' }] },
    { type: 4, name: 'count', description: 'how many', min_value: 1 },
  ];
  const command = build({ name: 'add', description: 'adds', options });
  assert.deepEqual(command.options, options);
  assert.equal(command.type, 1);
  assert.equal(command.version, command.id);
});

test('names, descriptions and options follow the rules of their type', () => {
  const wrong = [
    { name: 'Has Space', description: 'x' },
    { name: 'Upper', description: 'x' },
    { name: 'ok' },
    { name: 'x'.repeat(33), description: 'x' },
    { name: 'ok', description: 'x'.repeat(101) },
    {
      name: 'ok',
      description: 'x',
      options: Array.from({ length: 26 }, (_, i) => ({ type: 3, name: `o${i}`, description: 'x' })),
    },
    {
      name: 'ok',
      description: 'x',
      options: [
        { type: 3, name: 'a', description: 'x' },
        { type: 3, name: 'a', description: 'x' },
      ],
    },
    {
      name: 'ok',
      description: 'x',
      options: [
        { type: 3, name: 'a', description: 'x' },
        { type: 3, name: 'b', description: 'x', required: true },
      ],
    },
    {
      name: 'ok',
      description: 'x',
      options: [{ type: 3, name: 'a', description: 'x', choices: [{ name: 'c', value: {} }] }],
    },
    { name: 'Poke', type: 2, options: [{ type: 3, name: 'a', description: 'x' }] },
    { name: 'ok', description: 'x', type: 9 },
    { name: 'ok', description: 'x', default_member_permissions: '-1' },
  ];
  for (const body of wrong) {
    assert.throws(
      () => build(body),
      (error) => error instanceof ApiError && error.code === 50035,
      JSON.stringify(body),
    );
  }
  assert.equal(build({ name: 'Poke Someone', type: 2, description: 'ignored' }).description, '');
});

test('overwriting keeps the ids of commands of the same name, and drops the others', async () => {
  const store = new MemoryStore();
  const put = async (bodies: unknown) => {
    const before = await listCommands(store, scope.application_id, null);
    const { commands, ops } = overwrite(ids, scope, validate(commandListForm, bodies), before);
    await store.commit(ops);
    return commands;
  };
  const [a, b] = await put([
    { name: 'a', description: 'x' },
    { name: 'b', description: 'x' },
  ]);
  const [again, c] = await put([
    { name: 'a', description: 'changed' },
    { name: 'c', description: 'x' },
  ]);
  assert.equal(again?.id, a?.id);
  assert.notEqual(again?.version, a?.version);
  const kept = await listCommands(store, scope.application_id, null);
  assert.deepEqual(new Set(kept.map(({ id }) => id)), new Set([a?.id, c?.id]));
  assert.equal(
    kept.some(({ id }) => id === b?.id),
    false,
  );
  await assert.rejects(
    put([
      { name: 'a', description: 'x' },
      { name: 'a', description: 'y' },
    ]),
  );
  assert.deepEqual(await put([]), []);
});

test('there is room for a bounded number of each type', () => {
  const many = Array.from({ length: 100 }, (_, i) => build({ name: `c${i}`, description: 'x' }));
  assert.throws(() => checkRoom(many, 1), /Maximum number/);
  checkRoom(many, 2);
});

test('whatever the body is, it is a command or a form error', () => {
  const key = fc.constantFrom(
    'name',
    'description',
    'type',
    'options',
    'choices',
    'contexts',
    'name_localizations',
    'required',
  );
  const body = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(key, fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(key, fc.jsonValue())))),
  );
  fc.assert(
    fc.property(body, (value) => {
      try {
        build(value);
      } catch (error) {
        assert.ok(error instanceof ApiError && error.code === 50035, String(error));
      }
    }),
    { seed, numRuns: 400 },
  );
});
