// (placeholder types; the reader is written in this file)
export interface UploadedFile {
  /** n of files[n]; 0 for the legacy `file`. */
  readonly index: number;
  readonly filename: string;
  readonly bytes: Uint8Array;
}
