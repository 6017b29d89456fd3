// The application's one answer to an interaction: a message, a promise of one, an update, choices, or a modal.

import type { Snowflake } from '../../../base/snowflake.ts';
import { apiError } from '../../../protocol/errors.ts';
import { array, formError, integer, maybe, object, string, unknown, validate } from '../../../protocol/form.ts';
import { MessageFlags } from '../../../protocol/message-flags.ts';
import { InteractionCallbackType as Callback, InteractionType } from '../../../protocol/payload.ts';
import { type Interaction, Interactions } from '../../../service/interaction/book.ts';
import { queryBoolean } from '../query.ts';
import { answer } from '../reply.ts';
import type { RestAnswer, RestCall } from '../route.ts';
import { edit, type MessageJson, Refused, send, tell } from './interaction-messages.ts';

const COMPONENTS_MAX = 40;
const CHOICES_MAX = 25;

const callbackForm = object({ type: integer({ choices: [1, 4, 5, 6, 7, 8, 9] }), data: maybe(unknown()) });

const autocompleteForm = object({
  choices: array(object({ name: string({ min: 1, max: 100 }), value: unknown() }), { max: CHOICES_MAX }),
});

const modalForm = object({
  custom_id: string({ min: 1, max: 100 }),
  title: string({ min: 1, max: 45 }),
  components: array(unknown(), { min: 1, max: COMPONENTS_MAX }),
});

/** Which answers a kind of interaction can get. */
const ANSWERS: Readonly<Record<number, readonly number[]>> = {
  [InteractionType.APPLICATION_COMMAND]: [4, 5, 9],
  [InteractionType.MESSAGE_COMPONENT]: [4, 5, 6, 7, 9],
  [InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE]: [8],
  [InteractionType.MODAL_SUBMIT]: [4, 5, 6, 7],
};

interface Answered {
  readonly message?: MessageJson;
  readonly original: Snowflake | null;
}

export async function callback(call: RestCall): Promise<RestAnswer> {
  const { interaction_id = '', token = '' } = call.params;
  const { type, data } = validate(callbackForm, call.body);
  const book = new Interactions(call.context.runtime);
  const interaction = await book.find(token);
  if (interaction === null || interaction.id !== interaction_id) throw apiError('UNKNOWN_INTERACTION');
  const possible = ANSWERS[interaction.type] ?? [];
  const updates = type === Callback.DEFERRED_UPDATE_MESSAGE || type === Callback.UPDATE_MESSAGE;
  if (!possible.includes(type) || (updates && interaction.message_id === null)) {
    throw formError(['type'], 'BASE_TYPE_CHOICES', `Value must be one of {${possible.join(', ')}}.`);
  }
  const verdict = await book.acknowledge(interaction_id, token);
  if (verdict === 'unknown') throw apiError('UNKNOWN_INTERACTION');
  if (verdict === 'acknowledged') throw apiError('ALREADY_ACKNOWLEDGED');
  let answered: Answered;
  try {
    answered = await perform(call, interaction, type, data);
  } catch (error) {
    // Refused: the application may still answer otherwise.
    await book.retract(token);
    if (error instanceof Refused) return answer(error.reply);
    throw error;
  }
  if (answered.original !== null) await book.setOriginal(token, answered.original);
  if (type !== Callback.AUTOCOMPLETE_RESULT && type !== Callback.MODAL) {
    tell(call.context, interaction, 'INTERACTION_SUCCESS', { id: interaction.id, nonce: interaction.nonce });
  }
  if (!queryBoolean(call.query, 'with_response')) return undefined;
  return { json: responseOf(interaction, type, answered) };
}

async function perform(call: RestCall, interaction: Interaction, type: number, data: unknown): Promise<Answered> {
  switch (type) {
    case Callback.CHANNEL_MESSAGE_WITH_SOURCE: {
      const message = await send(call, interaction, data, { first: true });
      return { message, original: message.id };
    }
    case Callback.DEFERRED_CHANNEL_MESSAGE_WITH_SOURCE: {
      const message = await send(call, interaction, data, { first: true, loading: true });
      return { message, original: message.id };
    }
    case Callback.DEFERRED_UPDATE_MESSAGE:
      return { original: interaction.message_id };
    case Callback.UPDATE_MESSAGE: {
      const message = await edit(call, interaction, interaction.message_id ?? '', data);
      return { message, original: message.id };
    }
    case Callback.AUTOCOMPLETE_RESULT: {
      const { choices } = validate(object({ data: autocompleteForm }), { data }).data;
      tell(call.context, interaction, 'APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE', {
        choices,
        nonce: interaction.nonce,
      });
      return { original: null };
    }
    default: {
      const modal = validate(object({ data: modalForm }), { data }).data;
      tell(call.context, interaction, 'INTERACTION_MODAL_CREATE', {
        id: interaction.id,
        nonce: interaction.nonce,
        channel_id: interaction.channel_id,
        application: { id: interaction.application_id },
        ...modal,
      });
      return { original: null };
    }
  }
}

function responseOf(interaction: Interaction, type: number, { message }: Answered) {
  const flags = (message?.['flags'] as number | undefined) ?? 0;
  return {
    interaction: {
      id: interaction.id,
      type: interaction.type,
      ...(message === undefined
        ? {}
        : {
            response_message_id: message.id,
            response_message_loading: (flags & MessageFlags.LOADING) !== 0,
            response_message_ephemeral: (flags & MessageFlags.EPHEMERAL) !== 0,
          }),
    },
    resource: { type, ...(message === undefined ? {} : { message }) },
  };
}
