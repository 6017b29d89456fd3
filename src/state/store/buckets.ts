// Time buckets of a channel's messages: bucket = (id >> 22) / width. A bucket is known by the smallest id it can hold
// (`firstId`), which orders buckets in time whatever their widths; a reader needs no width at all.
//
//   id >> 22:   0 ........ 10 d ........ 20 d ........ 30 d
//   bucket:     |    0     |     1      |     2      |
//   firstId:    0          10 d << 22    20 d << 22
//
// A channel may later go on with a narrower width, from the end of a bucket on: then no two buckets overlap.

/** 10 days: at 0.58 messages a second, of 200 bytes each, a bucket is 100 MB. */
export const BUCKET_WIDTH_MS = 864_000_000;

export interface Bucket {
  readonly firstId: bigint;
  /** The first id behind it. */
  readonly endId: bigint;
  readonly bucket: bigint;
  readonly widthMs: bigint;
}

const TIME_SHIFT = 22n;

export function bucketOf(id: bigint, widthMs: bigint): Bucket {
  const bucket = (id >> TIME_SHIFT) / widthMs;
  return bucketAt(bucket, widthMs);
}

export function bucketAt(bucket: bigint, widthMs: bigint): Bucket {
  const firstId = (bucket * widthMs) << TIME_SHIFT;
  return { firstId, endId: firstId + (widthMs << TIME_SHIFT), bucket, widthMs };
}

export function holds(bucket: Bucket, id: bigint): boolean {
  return id >= bucket.firstId && id < bucket.endId;
}
