// Waiting for what a client library emits.

/** For one event to come; generous, because the machine may be busy. */
const EVENT_DEADLINE_MS = 20_000;

interface Emitter {
  on(event: any, listener: any): unknown;
  off(event: any, listener: any): unknown;
}

/** Resolves with the arguments of the next `event` that `accept` agrees to; rejects when none comes. */
export function nextEvent<T>(
  client: Emitter,
  event: string,
  accept: (...args: any[]) => boolean = () => true,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      client.off(event, listener);
      reject(new Error(`no ${event}`));
    }, EVENT_DEADLINE_MS);
    const listener = (...args: any[]): void => {
      if (!accept(...args)) return;
      clearTimeout(timer);
      client.off(event, listener);
      resolve(args as T);
    };
    client.on(event, listener);
  });
}
