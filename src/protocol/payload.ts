// Records to wire objects. Every builder gives the union of the keys that stock clients of any language require
// (required-fields.ts has the table): null, [] or 0 rather than absent. One file per noun in payload/.

export * from './payload/application.ts';
export * from './payload/channel.ts';
export * from './payload/emoji.ts';
export * from './payload/gateway.ts';
export * from './payload/guild.ts';
export * from './payload/interaction.ts';
export * from './payload/invite.ts';
export * from './payload/member.ts';
export * from './payload/message.ts';
export * from './payload/presence.ts';
export * from './payload/role.ts';
export * from './payload/user.ts';
export * from './payload/voice.ts';
