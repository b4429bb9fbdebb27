// A build service: POST /builds/NAME?repository=URL builds a Git repository and streams what happens,
// one JSON object per line. The image goes to REGISTRY, or to the local store without one.
import { createServer } from "node:http";
import { once } from "node:events";
import { build } from "tspack";

const { PORT = "8080", REGISTRY, REPOSITORIES = "https://", PARALLEL = "2" } = process.env;
const running = new Set();

/** What is asked for, or why it is refused. */
function readRequest({ method, url }) {
  const { pathname, searchParams } = new URL(url, "http://worker");
  const name = /^\/builds\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/.exec(pathname)?.[1];
  const repository = searchParams.get("repository") ?? "";
  if (name === undefined) return { status: 404, error: "POST /builds/NAME?repository=URL" };
  if (method !== "POST") return { status: 405, error: "builds are started by POST" };
  // Without this, anybody could make this machine fetch whatever it can reach.
  if (!repository.startsWith(REPOSITORIES)) return { status: 403, error: `repositories begin with ${REPOSITORIES}` };
  if (running.has(name)) return { status: 409, error: `${name} is being built` };
  if (running.size >= Number(PARALLEL)) return { status: 503, error: "all workers are busy: try again later" };
  return { name, repository };
}

async function serve(request, response) {
  const { status, error, name, repository } = readRequest(request);
  if (status !== undefined) {
    response.writeHead(status, { "content-type": "application/json" });
    return response.end(`${JSON.stringify({ error })}\n`);
  }
  const aborter = new AbortController();
  // Whoever hangs up wants no image any more.
  response.on("close", () => aborter.abort());
  running.add(name);
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  try {
    const image = REGISTRY === undefined ? name : `${REGISTRY}/${name}`;
    await build(
      {
        names: [image],
        path: `git+${repository}`,
        output: { kind: REGISTRY === undefined ? "local" : "registry" },
      },
      {
        env: process.env,
        signal: aborter.signal,
        onEvent: (event) => void response.write(`${JSON.stringify(event)}\n`),
      },
    );
  } catch (failure) {
    // The reader has got it as the last event.
    console.error(`${name}: ${failure.message}`);
  } finally {
    running.delete(name);
    response.end();
  }
}

const server = createServer((request, response) => void serve(request, response)).listen(Number(PORT));
await once(server, "listening");
console.log(`listening on ${server.address().port}`);
