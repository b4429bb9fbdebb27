// Shows what the worker has found. POST /crash ends the worker, which init starts again.
import { createServer } from "node:http";

const worker = "http://127.0.0.1:9000";
const port = Number(process.env.PORT ?? 8080);

const server = createServer(async ({ method, url }, response) => {
  response.setHeader("content-type", "text/plain; charset=utf-8");
  try {
    if (method === "POST" && url === "/crash") {
      await fetch(`${worker}/crash`).catch(() => undefined);
      return response.end("the worker has ended\n");
    }
    const { pid, found, largest } = await (await fetch(worker)).json();
    response.end(`Worker ${pid} has found ${found} primes up to ${largest}\n`);
  } catch {
    response.writeHead(503).end("the worker is being started\n");
  }
});
server.listen(port, () => console.log(`listening on port ${port}`));

process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
