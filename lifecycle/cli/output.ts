import type { Writable } from "node:stream";
import type { Write } from "./console.ts";

/** Text on its way out of the process. */
export interface Output {
  readonly write: Write;
  /** The stream, once something was written: Node loads sockets and terminals to make one. */
  readonly opened: () => readonly Writable[];
}

/** Writes to a stream that is made when the first text comes. A reader that has gone (`| head`) is no failure of ours. */
export function outputTo(open: () => Writable): Output {
  let stream: Writable | undefined;
  return {
    write(text) {
      stream ??= open().on("error", () => {});
      stream.write(text);
    },
    opened: () => (stream === undefined ? [] : [stream]),
  };
}
