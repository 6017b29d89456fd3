// kill -9 of the server under load, again and again: no acknowledged message is lost, none is there twice, and a nonce sent again
// after the crash finds its first message.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Provision, Server } from '../support/server.ts';

const KILLS = 20;
const SENDERS = 8;
/** Messages acknowledged before each kill. */
const PER_ROUND = 40;

describe('kill -9 under load', { timeout: 400_000 }, () => {
  let server: Server;
  let guild: Provision;

  before(async () => {
    server = await Server.start({ GUILDHALL_LIMITS_RATE: 'off' });
    guild = server.provision();
  });

  after(() => server?.dispose());

  it(`loses no acknowledged message over ${KILLS} kills, and doubles none`, async () => {
    const path = `/channels/${guild.channelId}/messages`;
    const acknowledged = new Map<string, string>();
    let number = 0;
    /** Sent, but the server died before its answer: sent again with the same nonce. */
    const uncertain: string[] = [];

    async function send(content: string): Promise<boolean> {
      try {
        const reply = await server.request('POST', path, guild.ownerToken, {
          content,
          nonce: content,
          enforce_nonce: true,
        });
        if (reply.status !== 200) return false;
        const known = acknowledged.get(content);
        if (known !== undefined) assert.equal(reply.body.id, known, 'a repeat must answer with the first message');
        acknowledged.set(content, reply.body.id);
        return true;
      } catch {
        return false;
      }
    }

    for (let round = 0; round < KILLS; round += 1) {
      for (const content of uncertain.splice(0)) assert.ok(await send(content), server.stderr);
      const goal = acknowledged.size + PER_ROUND;
      let killed = false;
      const senders = Array.from({ length: SENDERS }, async () => {
        while (!killed) {
          const content = `m${number}`;
          number += 1;
          if (!(await send(content))) uncertain.push(content);
          if (acknowledged.size >= goal && !killed) {
            killed = true;
            await server.kill();
          }
        }
      });
      await Promise.all(senders);
      await server.start();
    }
    for (const content of uncertain) assert.ok(await send(content));

    const stored = new Map<string, string[]>();
    let before: string | undefined;
    for (;;) {
      const query = before === undefined ? '' : `&before=${before}`;
      const page = await server.request('GET', `${path}?limit=100${query}`, guild.ownerToken);
      assert.equal(page.status, 200);
      if (page.body.length === 0) break;
      for (const message of page.body) {
        const ids = stored.get(message.content) ?? [];
        ids.push(message.id);
        stored.set(message.content, ids);
      }
      before = page.body.at(-1).id;
    }
    for (const [content, id] of acknowledged) assert.deepEqual(stored.get(content), [id], content);
    for (const [content, ids] of stored) assert.equal(ids.length, 1, `${content} is there ${ids.length} times`);
  });
});
