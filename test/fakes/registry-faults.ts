import type { IncomingMessage, ServerResponse } from "node:http";

/** What a fake registry does instead of its work. */
export type FaultAction =
  /** Reads so many bytes of the request and cuts the connection; an upload keeps what came. */
  | { readonly kind: "cut-request"; readonly after: number }
  /** Reads so many bytes of the request and then nothing, and keeps the connection. */
  | { readonly kind: "stall-request"; readonly after: number }
  /** Sends so many bytes of the answer's body and cuts the connection. */
  | { readonly kind: "cut-response"; readonly after: number }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly code?: string;
    }
  /** Does the work, then answers as above: an answer that was lost. */
  | { readonly kind: "status-after"; readonly status: number }
  /** Loses the upload that the request is about. */
  | { readonly kind: "forget-upload" }
  /** Changes the first byte of the answer's body. */
  | { readonly kind: "corrupt" }
  | { readonly kind: "redirect"; readonly to: string }
  /** Ends the connection by RST, without an answer. */
  | { readonly kind: "reset" }
  /** Sends so many bytes of the body and then nothing, and keeps the connection. */
  | { readonly kind: "stall"; readonly after: number }
  /** Sends single bytes, so many milliseconds apart, that never come to an end. */
  | { readonly kind: "trickle"; readonly pause: number }
  /** Says that the body is longer, by so many bytes, and ends it where it ends; shorter when negative. */
  | { readonly kind: "wrong-length"; readonly by: number }
  /** Sends the body in pieces with a pause of so many milliseconds between. */
  | { readonly kind: "slow"; readonly pause: number };

/** A fault and the requests that it happens to. */
export interface Fault {
  readonly method: string;
  readonly path: RegExp;
  /** Once when absent. */
  readonly times?: number;
  readonly action: FaultAction;
}

/** Takes the action of the first fault that fits and is not used up. */
export function nextFault(faults: (Fault & { left: number })[], request: IncomingMessage): FaultAction | undefined {
  const fitting = faults.find(
    (fault) => fault.left > 0 && fault.method === request.method && fault.path.test(request.url ?? ""),
  );
  if (fitting === undefined) return undefined;
  fitting.left -= 1;
  return fitting.action;
}

/** Sends a body the way a fault wants it. */
export async function sendBody(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  fault: FaultAction | undefined,
): Promise<void> {
  const length = body.length + (fault?.kind === "wrong-length" ? fault.by : 0);
  if (fault?.kind === "wrong-length") {
    // Not by Node's own means, which would correct it.
    const lines = Object.entries({ ...headers, "content-length": String(length) }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    response.socket?.write(`HTTP/1.1 ${status} Fault\r\n${lines.join("\r\n")}\r\n\r\n`);
    response.socket?.end(body);
    return;
  }
  response.writeHead(status, { ...headers, "content-length": String(length) });
  if (fault?.kind === "stall") {
    response.write(body.subarray(0, fault.after));
  } else if (fault?.kind === "trickle") {
    for (let at = 0; at < body.length && !response.destroyed; at += 1) {
      response.write(body.subarray(at, at + 1));
      await new Promise((resolve) => setTimeout(resolve, fault.pause));
    }
  } else if (fault?.kind === "cut-response") {
    response.write(body.subarray(0, fault.after), () => setTimeout(() => response.destroy(), 20));
  } else if (fault?.kind === "corrupt") {
    const changed = Buffer.from(body);
    changed[0] = (changed[0] ?? 0) ^ 0xff;
    response.end(changed);
  } else if (fault?.kind === "slow") {
    for (let at = 0; at < body.length && !response.destroyed; at += 64 * 1024) {
      response.write(body.subarray(at, at + 64 * 1024));
      await new Promise((resolve) => setTimeout(resolve, fault.pause));
    }
    response.end();
  } else {
    response.end(body);
  }
}
