import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aggregate, Presences } from './presence.ts';

const session = (status: string, bot = false) => ({
  bot,
  presence: { status, activities: [], since: null, afk: false },
});

describe('a presence of several sessions', () => {
  it('is the most active one of a person’s', () => {
    assert.equal(aggregate([session('online'), session('idle')]).status, 'online');
    assert.equal(aggregate([session('idle'), session('dnd'), session('invisible')]).status, 'dnd');
    assert.equal(aggregate([session('invisible')]).status, 'offline');
    assert.equal(aggregate([]).status, 'offline');
    assert.equal(aggregate([{ bot: false, presence: null }]).status, 'offline');
  });

  it('is the last one of a bot’s', () => {
    assert.equal(aggregate([session('online', true), session('dnd', true)]).status, 'dnd');
    assert.equal(aggregate([session('online', true), session('invisible', true)]).status, 'offline');
  });
});

describe('presences of a guild', () => {
  it('are taken in the order of their changes, each user once, and forgotten with the member', () => {
    const presences = new Presences();
    const online = aggregate([session('online')]);
    assert.equal(presences.set('1', online), true);
    assert.equal(presences.set('1', aggregate([session('online')])), false);
    presences.set('2', online);
    presences.set('1', aggregate([session('dnd')]));
    presences.set('3', online);
    presences.forget('3');
    assert.deepEqual(presences.take(1), ['1']);
    assert.deepEqual(presences.take(10), ['2']);
    assert.deepEqual([presences.dirty, presences.online('3'), presences.of('1').status], [0, false, 'dnd']);
  });
});
