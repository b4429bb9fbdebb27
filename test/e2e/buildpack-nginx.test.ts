import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, freePort } from "./http.ts";
import { buildJson, needs, removeAll, type Running, scratchDirectory, self, startTspack } from "./tspack.ts";

const bubblewrap = needs("bwrap");
const image = "e2e/static";

const SITE = {
  "public/index.html": "<p>home\n",
  "public/about.html": "<p>about\n",
  "public/docs/index.html": "<p>docs\n",
  "public/404.html": "<p>nothing here\n",
  "public/assets/app-BX3k9d2f.js": "one\n",
  "public/.secret": "hidden\n",
  "project.toml": `[_]
schema-version = "0.2"

[io.tspack.static]
root = "public"

[[io.tspack.static.headers]]
for = "/*"
values = { X-Frame-Options = "DENY" }

[[io.tspack.static.redirects]]
from = "/blog/*"
to = "/posts/:splat"

[[io.tspack.static.redirects]]
from = "/go/*"
to = "/:splat"
status = 307
`,
};

const OWN = {
  "nginx.conf": `events {}
http {
  include mime.types;
  server {
    listen {{port}};
    root site;
    include conf.d/*.conf;
  }
}
`,
  "conf.d/greeting.conf": 'add_header X-Greeting {{env "GREETING"}};\n',
  "site/index.html": "<p>own\n",
};

describe.skipIf(bubblewrap.skip)(`the buildpack nginx in an image${bubblewrap.note}`, () => {
  const scratch = scratchDirectory("nginx");
  const app = join(scratch, "app");
  let running: Running | undefined;
  let url = "";

  function write(files: Readonly<Record<string, string>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(app, path)), { recursive: true });
      writeFileSync(join(app, path), content);
    }
  }

  async function buildAndServe(args: readonly string[] = [], run: readonly string[] = []): Promise<string> {
    await stop();
    const person = await self();
    const { log, group } = await buildJson(person, [image, "--path", app, ...args]);
    expect(group.map(({ id }) => id)).toEqual(["tspack/deb-packages", "tspack/nginx"]);
    const port = await freePort();
    running = startTspack(person, ["run", "-e", `PORT=${port}`, ...run, image]);
    url = `http://127.0.0.1:${port}`;
    await ask(url, running.done);
    return log;
  }

  async function stop(): Promise<void> {
    running?.child.kill("SIGINT");
    await running?.done;
    running = undefined;
  }

  const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(url + path, { redirect: "manual", headers });

  beforeAll(async () => {
    write(SITE);
    await buildAndServe();
  });
  afterAll(async () => {
    await stop();
    removeAll(scratch);
  });

  it.each([
    ["/", 200, "<p>home\n"],
    ["/about", 200, "<p>about\n"],
    ["/docs/", 200, "<p>docs\n"],
    ["/nowhere", 404, "<p>nothing here\n"],
    ["/.secret", 404, "<p>nothing here\n"],
    ["/../project.toml", 404, "<p>nothing here\n"],
  ])("answers %s with %i", async (path, status, body) => {
    const response = await get(path);
    expect({ status: response.status, body: await response.text() }).toEqual({ status, body });
    expect(response.headers.get("x-frame-options")).toBe("DENY");
    // Standard output is a socket here, which nginx cannot open by its name.
    await running?.says(`"GET ${new URL(url + path).pathname} HTTP/1.1" ${status} `);
  });

  it.each([
    ["/docs", 301, "/docs/"],
    ["/blog/2024/a?b=c", 301, "/posts/2024/a?b=c"],
    ["/go//example.com", 307, "/example.com"],
    ["/go/\\example.com", 307, "/example.com"],
    ["/blog/%0d%0aX-Evil:1", 301, "/posts/%0d%0aX-Evil:1"],
  ])("leads %s by %i to %s", async (path, status, location) => {
    const response = await get(path);
    expect({ status: response.status, location: response.headers.get("location") }).toEqual({ status, location });
    expect(response.headers.get("x-evil")).toBeNull();
  });

  it("keeps files with a hash for good, and pages not", async () => {
    expect((await get("/assets/app-BX3k9d2f.js")).headers.get("cache-control")).toBe(
      "public, max-age=31536000, immutable",
    );
    expect((await get("/")).headers.get("cache-control")).toBe("no-cache");
  });

  it("a browser sees what changed although size and date are as they were", async () => {
    const first = await get("/");
    const etag = first.headers.get("etag") ?? "none";
    const known = { "If-None-Match": etag, "If-Modified-Since": "Tue, 01 Jan 1980 00:00:01 GMT" };
    expect(first.headers.get("last-modified")).toBeNull();
    expect((await get("/", known)).status).toBe(304);
    write({ "public/index.html": "<p>HOME\n" });
    await buildAndServe();
    const changed = await get("/", known);
    expect({ status: changed.status, body: await changed.text() }).toEqual({ status: 200, body: "<p>HOME\n" });
  });

  it("takes an own nginx.conf, with variables of the launch", async () => {
    removeAll(app);
    write(OWN);
    const log = await buildAndServe(["--env", "GREETING=build"], ["-e", "GREETING=launch"]);
    expect(log).toContain("Configuration: nginx.conf of the application");
    const response = await get("/", { "If-Modified-Since": "Tue, 01 Jan 1980 00:00:01 GMT" });
    expect({ status: response.status, body: await response.text() }).toEqual({ status: 200, body: "<p>own\n" });
    expect(response.headers.get("content-type")).toBe("text/html");
    expect(response.headers.get("x-greeting")).toBe("launch");
    expect(response.headers.get("cache-control")).toBe("no-cache");
  });
});
