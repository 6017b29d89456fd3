// What every suite answers.

export interface Row {
  readonly suite: string;
  readonly case: string;
  /** 'guildhall', or the peer's name. */
  readonly subject: string;
  readonly unit: string;
  readonly value: number;
  /** How many operations, deliveries or sessions the value was taken over. */
  readonly n: number;
}

export interface SuiteOptions {
  /** Sizes as in bench/README.md; without it the suite runs small, to show that it works. */
  readonly full: boolean;
}

export type Suite = (options: SuiteOptions) => Promise<Row[]>;
