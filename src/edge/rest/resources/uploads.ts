// Files that came with a message: kept on disk before the message is asked for, and taken away again when it was refused.

import type { Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import { formError } from '../../../protocol/form.ts';
import { removeAttachments, storeAttachments } from '../../../service/channel/attachment-files.ts';
import { contentTypeOf, imageSize, sanitizeFilename } from '../../../service/channel/attachment-meta.ts';
import type { TopicReply } from '../../../service/request.ts';
import type { AttachmentRecord } from '../../../state/store/records.ts';
import type { UploadedFile } from '../multipart.ts';
import type { RestCall } from '../route.ts';
import type { AttachmentInput } from './message-form.ts';

export const FILES_MAX = 10;

/** What the message will say of its files; their descriptions come from `attachments` by index. */
export function describeFiles(
  call: RestCall,
  files: readonly UploadedFile[],
  inputs: readonly AttachmentInput[],
): { readonly record: AttachmentRecord; readonly bytes: Uint8Array }[] {
  if (files.length > FILES_MAX) throw apiError('MAX_ATTACHMENTS');
  const sorted = [...files].sort((a, b) => a.index - b.index);
  return sorted.map((file) => {
    if (file.bytes.byteLength > call.context.attachmentBytesMax) throw apiError('FILE_TOO_LARGE');
    const input = inputs.find(({ id }) => id === String(file.index));
    const filename = sanitizeFilename(input?.filename ?? file.filename);
    const type = contentTypeOf(filename);
    const size = type?.startsWith('image/') === true ? imageSize(file.bytes) : undefined;
    const record: AttachmentRecord = {
      id: call.context.ids.next(),
      filename,
      ...(type === undefined ? {} : { content_type: type }),
      size: file.bytes.byteLength,
      ...size,
      ...(input?.title === undefined ? {} : { title: input.title }),
      ...(input?.description === undefined ? {} : { description: input.description }),
    };
    return { record, bytes: file.bytes };
  });
}

/** An attachment that names no file of this request is an error in a new message. */
export function checkNamed(files: readonly UploadedFile[], inputs: readonly AttachmentInput[]): void {
  for (const [index, { id }] of inputs.entries()) {
    if (id !== undefined && files.some((file) => String(file.index) === id)) continue;
    throw formError(['attachments', index, 'id'], 'ATTACHMENT_NOT_FOUND', `Uploaded attachment not found: ${id ?? ''}`);
  }
}

/** Stores the files, asks, and removes them if the answer is a refusal. When the outcome is unknown they stay for the sweep. */
export async function withFiles(
  call: RestCall,
  channelId: Snowflake,
  files: readonly { readonly record: AttachmentRecord; readonly bytes: Uint8Array }[],
  ask: () => Promise<TopicReply>,
): Promise<TopicReply> {
  if (files.length === 0) return ask();
  const { dataDir } = call.context;
  await storeAttachments(
    dataDir,
    channelId,
    files.map(({ record, bytes }) => ({ id: record.id, bytes })),
  );
  const reply = await ask();
  if (reply.status >= 400 && reply.status < 500) {
    const ids = files.map(({ record }) => record.id);
    await removeAttachments(dataDir, channelId, ids);
  }
  return reply;
}
