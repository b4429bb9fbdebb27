import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const catalog = JSON.parse(await readFile(new URL("catalog.json", import.meta.url), "utf8"));
const { GREETING, FOOTER, LOG_LEVEL, STOCK_URL, PORT = "8080" } = process.env;

async function stock() {
  if (STOCK_URL === undefined) return "unknown";
  const response = await fetch(STOCK_URL);
  return response.ok ? response.text() : `status ${response.status}`;
}

const server = createServer(async (request, response) => {
  if (LOG_LEVEL === "debug") console.log(request.url);
  const answer = request.url === "/stock" ? stock() : `${GREETING}: ${catalog.join(", ")}\n${FOOTER}\n`;
  try {
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end(await answer);
  } catch (error) {
    response.end(`${error.cause?.code ?? error.message}\n`);
  }
});

server.listen(Number(PORT), () => console.log(`listening on port ${server.address().port}`));

// In an image this process is PID 1, which no signal ends by default.
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
