import { once } from "node:events";
import { createServer } from "node:net";

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Asks until something answers; fails when the application has ended. */
export async function ask(url: string, done: Promise<{ readonly stderr: string }>): Promise<object> {
  let ended: string | undefined;
  void done.then(({ stderr }) => (ended = stderr));
  const until = performance.now() + 60_000;
  for (;;) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      return { status: response.status, body: await response.text() };
    } catch (error) {
      if (ended !== undefined) throw new Error(`it ended before it answered: ${ended}`, { cause: error });
      if (performance.now() > until) throw new Error(`${url} does not answer`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
