// Lets a shared object that asks for GLIBC_2.38 load on an older glibc, when all it wants of that version are the three number
// parsers that C23 headers rename (`strtol` to `__isoc23_strtol`, and so on). They differ only in taking "0b101", which
// nobody gives uWebSockets.js. Two edits, no byte moves:
//
//   .gnu.version_r   libc.so.6: the entry GLIBC_2.38  ->  name and hash of the oldest version that libc has here
//   .dynsym          "__isoc23_strtol"                ->  the same string 9 bytes later: "strtol"
//                     |<- 9 ->|
//
// Both tables are found through the program headers (PT_DYNAMIC), as the loader finds them, not through section headers.

const NEWEST = 'GLIBC_2.38';
const RENAMED_PREFIX = '__isoc23_';
const RENAMED = new Set(['__isoc23_strtol', '__isoc23_strtoul', '__isoc23_strtoull']);

/** The version that every symbol of glibc's first release for the machine has. */
const OLDEST: Readonly<Record<number, string>> = { 62: 'GLIBC_2.2.5', 183: 'GLIBC_2.17' };

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_SYMENT = 11;
const DT_VERSYM = 0x6ffffff0;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;
const SYMBOL_BYTES = 24;
/** Library names and versions in one object: real ones have a handful. Keeps a damaged chain from being walked for ever. */
const CHAIN_MAX = 256;

export class ElfError extends Error {
  override name = 'ElfError';
}

/** Answers a copy that loads on glibc older than 2.38; throws ElfError when that can't be done by the two edits above. */
export function lowerGlibc(original: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(original);
  const elf = new Elf(bytes);
  const oldest = OLDEST[elf.machine];
  if (oldest === undefined) throw new ElfError(`no known oldest glibc version for ELF machine ${elf.machine}`);

  const entries = elf.neededVersions().filter((entry) => entry.library.startsWith('libc.so'));
  const newest = entries.find((entry) => entry.version === NEWEST);
  const target = entries.find((entry) => entry.version === oldest);
  if (newest === undefined) throw new ElfError(`it does not ask for ${NEWEST}`);
  if (target === undefined) throw new ElfError(`it does not ask for ${oldest}, whose name the edit needs`);

  let renamed = 0;
  for (const symbol of elf.symbolsOfVersion(newest.index)) {
    if (!RENAMED.has(symbol.name)) throw new ElfError(`it needs ${symbol.name} of ${NEWEST}`);
    elf.view.setUint32(symbol.offset, symbol.nameOffset + RENAMED_PREFIX.length, true);
    renamed += 1;
  }
  if (renamed === 0) throw new ElfError(`no symbol of ${NEWEST} found`);

  elf.view.setUint32(newest.offset, target.hash, true);
  elf.view.setUint32(newest.offset + 8, target.nameOffset, true);
  return bytes;
}

interface NeededVersion {
  readonly library: string;
  readonly version: string;
  /** Where the Elf64_Vernaux lies in the file: hash u32, flags u16, index u16, name u32, next u32. */
  readonly offset: number;
  readonly hash: number;
  readonly index: number;
  readonly nameOffset: number;
}

interface VersionedSymbol {
  readonly name: string;
  /** Where the Elf64_Sym lies in the file; it begins with the name's offset, u32. */
  readonly offset: number;
  readonly nameOffset: number;
}

/** Reads of a 64-bit little-endian ELF file what the dynamic linker reads. Every offset is checked by DataView itself. */
class Elf {
  readonly view: DataView;
  readonly machine: number;
  readonly #bytes: Uint8Array;
  readonly #loads: { address: number; offset: number; size: number }[] = [];
  readonly #dynamic = new Map<number, number>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isElf64Little =
      bytes.length >= 64 && this.view.getUint32(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1;
    if (!isElf64Little) throw new ElfError('not a 64-bit little-endian ELF file');
    this.machine = this.view.getUint16(18, true);
    this.#readProgramHeaders();
  }

  #readProgramHeaders(): void {
    const table = this.#u64(32);
    const entryBytes = this.view.getUint16(54, true);
    const count = this.view.getUint16(56, true);
    let dynamicAt: { offset: number; size: number } | undefined;
    for (let i = 0; i < count; i += 1) {
      const at = table + i * entryBytes;
      const kind = this.view.getUint32(at, true);
      const [offset, address, size] = [this.#u64(at + 8), this.#u64(at + 16), this.#u64(at + 32)];
      if (kind === PT_LOAD) this.#loads.push({ address, offset, size });
      if (kind === PT_DYNAMIC) dynamicAt = { offset, size };
    }
    if (dynamicAt === undefined) throw new ElfError('no dynamic section');
    for (let at = dynamicAt.offset; at < dynamicAt.offset + dynamicAt.size; at += 16) {
      const tag = this.#u64(at);
      if (tag === DT_NULL) break;
      this.#dynamic.set(tag, this.#u64(at + 8));
    }
  }

  /** Libraries' versions that the file asks for. */
  neededVersions(): NeededVersion[] {
    const found: NeededVersion[] = [];
    let file = this.#offsetOf(DT_VERNEED);
    for (let i = 0; i < Math.min(this.#value(DT_VERNEEDNUM), CHAIN_MAX); i += 1) {
      const library = this.#string(this.view.getUint32(file + 4, true));
      let at = file + this.view.getUint32(file + 8, true);
      for (let n = Math.min(this.view.getUint16(file + 2, true), CHAIN_MAX); n > 0; n -= 1) {
        const nameOffset = this.view.getUint32(at + 8, true);
        found.push({
          library,
          version: this.#string(nameOffset),
          offset: at,
          hash: this.view.getUint32(at, true),
          index: this.view.getUint16(at + 6, true),
          nameOffset,
        });
        at += this.view.getUint32(at + 12, true);
      }
      file += this.view.getUint32(file + 12, true);
    }
    return found;
  }

  symbolsOfVersion(version: number): VersionedSymbol[] {
    if (this.#value(DT_SYMENT) !== SYMBOL_BYTES) throw new ElfError('symbols of an unknown size');
    const symbols = this.#offsetOf(DT_SYMTAB);
    const versions = this.#offsetOf(DT_VERSYM);
    // Nothing in the dynamic section says how many symbols there are; both linkers put the string table behind them.
    const count = Math.floor((this.#offsetOf(DT_STRTAB) - symbols) / SYMBOL_BYTES);
    const found: VersionedSymbol[] = [];
    for (let i = 0; i < count; i += 1) {
      if ((this.view.getUint16(versions + i * 2, true) & 0x7fff) !== version) continue;
      const offset = symbols + i * SYMBOL_BYTES;
      const nameOffset = this.view.getUint32(offset, true);
      found.push({ name: this.#string(nameOffset), offset, nameOffset });
    }
    return found;
  }

  #value(tag: number): number {
    const value = this.#dynamic.get(tag);
    if (value === undefined) throw new ElfError(`no dynamic entry 0x${tag.toString(16)}`);
    return value;
  }

  /** Dynamic entries hold addresses; the file offset follows from the segment that is loaded there. */
  #offsetOf(tag: number): number {
    const address = this.#value(tag);
    const load = this.#loads.find((segment) => address >= segment.address && address < segment.address + segment.size);
    if (load === undefined) throw new ElfError(`address 0x${address.toString(16)} is in no segment`);
    return address - load.address + load.offset;
  }

  #string(offset: number): string {
    const start = this.#offsetOf(DT_STRTAB) + offset;
    const end = this.#bytes.indexOf(0, start);
    if (offset >= this.#value(DT_STRSZ) || end === -1) throw new ElfError('a name outside the string table');
    return String.fromCharCode(...this.#bytes.subarray(start, Math.min(end, start + 4096)));
  }

  #u64(at: number): number {
    const value = this.view.getBigUint64(at, true);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }
}
