// The bodies of messages: what may be in a new one and in an edit, with Discord's limits. Also used by webhooks and interactions.

import { type ErrorTree } from '../../../protocol/errors.ts';
import {
  array,
  boolean,
  codePointLength,
  fail,
  type Form,
  type Infer,
  integer,
  maybe,
  object,
  record,
  refine,
  snowflake,
  string,
  timestamp,
  unknown,
  withDefault,
} from '../../../protocol/form.ts';

export const CONTENT_MAX = 2000;
export const EMBEDS_MAX = 10;
/** Characters of all embeds of a message together. */
export const EMBED_CHARACTERS_MAX = 6000;
const URL_MAX = 2048;
const NONCE_MAX = 25;
/** Top-level components; rows hold five, and the newer layouts forty in all. */
const COMPONENTS_MAX = 40;
/** JSON of all components: far above what Discord's own limits allow of text. */
const COMPONENTS_CHARACTERS_MAX = 32 * 1024;
const MENTION_LIST_MAX = 100;

const url = string({ max: URL_MAX, pattern: /^(https?|attachment):\/\/.+/s });
const media = object({ url: maybe(url) });

const embed = object({
  title: maybe(string({ max: 256 })),
  description: maybe(string({ max: 4096 })),
  url: maybe(string({ max: URL_MAX, pattern: /^https?:\/\/.+/s })),
  timestamp: maybe(timestamp()),
  color: maybe(integer({ min: 0, max: 0xffffff })),
  footer: maybe(object({ text: withDefault(string({ max: 2048 }), ''), icon_url: maybe(url) })),
  image: maybe(media),
  thumbnail: maybe(media),
  author: maybe(
    object({
      name: withDefault(string({ max: 256 }), ''),
      url: maybe(string({ max: URL_MAX, pattern: /^https?:\/\/.+/s })),
      icon_url: maybe(url),
    }),
  ),
  fields: maybe(
    array(
      object({
        name: string({ min: 1, max: 256 }),
        value: string({ min: 1, max: 1024 }),
        inline: withDefault(boolean(), false),
      }),
      { max: 25 },
    ),
  ),
});

export type EmbedInput = Infer<typeof embed>;

function embedCharacters(one: EmbedInput): number {
  const texts = [one.title, one.description, one.footer?.text, one.author?.name];
  for (const { name, value } of one.fields ?? []) texts.push(name, value);
  return texts.reduce((sum, text) => sum + (text === undefined ? 0 : codePointLength(text)), 0);
}

/** As it is stored and shown: typed clients need `type`, and texts where an object stands. */
function storedEmbed(one: EmbedInput): { [key: string]: unknown } {
  const { image, thumbnail, footer, author, fields, ...rest } = one;
  return {
    type: 'rich',
    ...rest,
    ...(image?.url === undefined ? {} : { image: { url: image.url } }),
    ...(thumbnail?.url === undefined ? {} : { thumbnail: { url: thumbnail.url } }),
    ...(footer === undefined || footer.text === '' ? {} : { footer }),
    ...(author === undefined || author.name === '' ? {} : { author }),
    ...(fields === undefined || fields.length === 0 ? {} : { fields }),
  };
}

const embedList = array(embed, { max: EMBEDS_MAX });
const embeds: Form<{ [key: string]: unknown }[]> = {
  read(value, errors) {
    const list = embedList.read(value, errors);
    if (!Array.isArray(list) || Object.keys(errors).length > 0) return [];
    const characters = list.reduce((sum, one) => sum + embedCharacters(one), 0);
    if (characters > EMBED_CHARACTERS_MAX) {
      fail(errors, 'MAX_EMBED_SIZE_EXCEEDED', `Embed size exceeds maximum size of ${EMBED_CHARACTERS_MAX}`);
    }
    return list.map(storedEmbed);
  },
};

const components = refine(
  array(
    refine(
      record(unknown()),
      (one) => Number.isInteger(one?.['type']),
      'BASE_TYPE_REQUIRED',
      'A component needs an integer type',
    ),
    { max: COMPONENTS_MAX },
  ),
  (list) => JSON.stringify(list).length <= COMPONENTS_CHARACTERS_MAX,
  'BASE_TYPE_MAX_LENGTH',
  `Must be ${COMPONENTS_CHARACTERS_MAX} or fewer in length.`,
);

const mentionList = array(snowflake(), { max: MENTION_LIST_MAX });
const allowedMentionsShape = object({
  parse: maybe(array(string({ choices: ['users', 'roles', 'everyone'] }), { max: 3 })),
  users: maybe(mentionList),
  roles: maybe(mentionList),
  replied_user: maybe(boolean()),
});
const allowedMentions: Form<Infer<typeof allowedMentionsShape>> = {
  read(value, errors) {
    const allowed = allowedMentionsShape.read(value, errors);
    if (Object.keys(errors).length > 0) return allowed;
    for (const kind of ['users', 'roles'] as const) {
      if (allowed.parse?.includes(kind) !== true || (allowed[kind]?.length ?? 0) === 0) continue;
      const text = `parse:["${kind}"] and ${kind}: [ids...] are mutually exclusive.`;
      fail(errors, 'MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE', text);
    }
    return allowed;
  },
};

/** Text or a number; it is echoed as it came. */
const nonce: Form<string | number> = {
  read(value, errors) {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    return string({ max: NONCE_MAX }).read(value, errors);
  },
};

const reference = object({
  message_id: snowflake(),
  channel_id: maybe(snowflake()),
  guild_id: maybe(snowflake()),
  fail_if_not_exists: maybe(boolean()),
  type: maybe(
    refine(integer(), (type) => type === 0, 'BASE_TYPE_CHOICES', 'Only replies (type 0) are supported by this server'),
  ),
});

/** `id`: n of files[n] for a new file, the attachment's own id in an edit. */
const attachments = array(
  object({
    id: maybe(snowflakeOrIndex()),
    filename: maybe(string({ max: 1024 })),
    title: maybe(string({ max: 1024 })),
    description: maybe(string({ max: 1024 })),
  }),
  { max: 10 },
);

function snowflakeOrIndex(): Form<string> {
  return {
    read(value, errors: ErrorTree) {
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return String(value);
      if (typeof value === 'string' && /^\d{1,20}$/.test(value)) return value;
      fail(errors, 'NUMBER_TYPE_COERCE', 'Value is not snowflake.');
      return '';
    },
  };
}

const absentHere = (text: string) => maybe(refine(unknown(), () => false, 'FEATURE_UNSUPPORTED', text));

export const createMessageForm = object({
  content: maybe(string({ max: CONTENT_MAX })),
  nonce: maybe(nonce),
  enforce_nonce: maybe(boolean()),
  tts: maybe(boolean()),
  /** The singular of old clients. */
  embed: maybe(embed),
  embeds: maybe(embeds),
  allowed_mentions: maybe(allowedMentions),
  message_reference: maybe(reference),
  components: maybe(components),
  sticker_ids: maybe(
    refine(array(snowflake(), { max: 3 }), (ids) => ids.length === 0, 'STICKER_INVALID', 'Unknown sticker'),
  ),
  attachments: maybe(attachments),
  flags: maybe(integer({ min: 0 })),
  poll: absentHere('Polls are not supported by this server'),
});

export const editMessageForm = object({
  content: keepNull(string({ max: CONTENT_MAX }), ''),
  embed: maybe(embed),
  embeds: keepNull(embeds, []),
  allowed_mentions: maybe(allowedMentions),
  components: keepNull(components, []),
  attachments: keepNull(attachments, []),
  flags: maybe(integer({ min: 0 })),
});

/** In an edit, null takes away what an absent key leaves. */
function keepNull<T>(form: Form<T>, empty: T) {
  return {
    absent: true as const,
    read: (value: unknown, errors: ErrorTree): T => (value === null ? empty : form.read(value, errors)),
  };
}

export type CreateMessageInput = Infer<typeof createMessageForm>;
export type EditMessageInput = Infer<typeof editMessageForm>;
export type AttachmentInput = Infer<typeof attachments>[number];

export function embedsOf(input: { embed?: EmbedInput | undefined; embeds?: { [key: string]: unknown }[] | undefined }) {
  return input.embeds ?? (input.embed === undefined ? undefined : [storedEmbed(input.embed)]);
}
