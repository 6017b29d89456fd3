// The documents as they are stored. Their types live with the wire (protocol/records.ts), because a payload is mostly the
// record itself; the store only knows that they are documents.

export type * from '../../protocol/records.ts';
