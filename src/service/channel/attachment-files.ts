// Uploaded files on disk: <data dir>/attachments/<channel id>/<attachment id>. No part of a path comes from a client: both
// are ids. A file and its folder are synced before the message that names it is committed; the row in table `attachment`,
// written with the message, is what makes a file visible, so a file without a row is nobody's and is swept at start.

import { mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../../base/assert.ts';
import type { Snowflake } from '../../base/snowflake.ts';
import { isSnowflake } from '../../base/snowflake.ts';
import type { StoreReader } from '../../state/store/port.ts';

/** Rows asked for at once by the sweep, so that it stays a background task. */
const SWEEP_BATCH = 100;

export function attachmentFolder(dataDir: string, channelId: Snowflake): string {
  assert(isSnowflake(channelId), 'a channel id is a snowflake');
  return join(dataDir, 'attachments', channelId);
}

export function attachmentPath(dataDir: string, channelId: Snowflake, id: Snowflake): string {
  assert(isSnowflake(id), 'an attachment id is a snowflake');
  return join(attachmentFolder(dataDir, channelId), id);
}

/** Writes the files and syncs them and their folder; all or none are left on an error. */
export async function storeAttachments(
  dataDir: string,
  channelId: Snowflake,
  files: readonly { readonly id: Snowflake; readonly bytes: Uint8Array }[],
): Promise<void> {
  if (files.length === 0) return;
  const folder = attachmentFolder(dataDir, channelId);
  const made = await mkdir(folder, { recursive: true });
  try {
    for (const { id, bytes } of files) {
      const file = await open(attachmentPath(dataDir, channelId, id), 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    await syncFolder(folder);
    if (made !== undefined) {
      await syncFolder(join(dataDir, 'attachments'));
      await syncFolder(dataDir);
    }
  } catch (error) {
    await removeAttachments(
      dataDir,
      channelId,
      files.map(({ id }) => id),
    );
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Best effort: a file that stays has no row, is not served, and is swept at the next start. */
export async function removeAttachments(
  dataDir: string,
  channelId: Snowflake,
  ids: readonly Snowflake[],
): Promise<void> {
  await Promise.allSettled(ids.map((id) => unlink(attachmentPath(dataDir, channelId, id))));
}

/** Removes all files of a channel that was deleted; best effort, as above. */
export async function removeChannelAttachments(dataDir: string, channelId: Snowflake): Promise<void> {
  await rm(attachmentFolder(dataDir, channelId), { recursive: true, force: true }).catch(() => undefined);
}

/**
 * Deletes files that no message owns, left by a crash between the file and its message, or between a message's deletion and
 * its file's. Only files older than `startedMs` (this process' start) are looked at: younger ones may be uploads in flight.
 */
export async function sweepAttachments(dataDir: string, store: StoreReader, startedMs: number): Promise<number> {
  let swept = 0;
  for (const channelId of await listOf(join(dataDir, 'attachments'))) {
    const ids = await listOf(attachmentFolder(dataDir, channelId));
    for (let at = 0; at < ids.length; at += SWEEP_BATCH) {
      const batch = ids.slice(at, at + SWEEP_BATCH);
      const rows = await store.getMany(
        'attachment',
        batch.map((id) => [channelId, id]),
      );
      for (const [index, id] of batch.entries()) {
        if (rows[index] !== null) continue;
        const path = attachmentPath(dataDir, channelId, id);
        const found = await stat(path).catch(() => null);
        if (found === null || found.mtimeMs >= startedMs) continue;
        await unlink(path).catch(() => undefined);
        swept += 1;
      }
    }
  }
  return swept;
}

async function listOf(path: string): Promise<Snowflake[]> {
  const names = await readdir(path).catch(() => [] as string[]);
  return names.filter(isSnowflake);
}
