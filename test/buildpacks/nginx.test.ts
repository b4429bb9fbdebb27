import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, capture, type Environment, type Outcome, Workspace } from "./workspace.ts";

const tools = skipWithout("bash", "dash", "jq", "perl");
const lib = join(buildpackDirectory("nginx"), "lib");

describe.skipIf(tools.skip)(`the buildpack nginx${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => {
    workspace.remove();
  });

  function run(command: readonly string[], env: Environment = {}): Promise<Outcome> {
    const known = { TSPACK_STATIC_MIME_TYPES: "/layer/mime.types", TSPACK_STATIC_VERSION: "abc123" };
    return capture(command, workspace.app, {
      PATH: process.env["PATH"] ?? "",
      PWD: workspace.app,
      PERL_HASH_SEED: "0",
      ...known,
      ...env,
    });
  }

  const configure = (root: string, env: Environment = {}) => run([join(lib, "configure.pl"), root], env);

  describe("bin/detect", () => {
    const vite = { scripts: { build: "vite build" } };
    it.each([
      ["nothing", {}, {}, 100],
      ["index.html", { "index.html": "" }, {}, 0],
      ["public/index.html", { "public/index.html": "" }, {}, 0],
      ["nginx.conf", { "nginx.conf": "" }, {}, 0],
      ["a section in project.toml", { "project.toml": "[io.tspack.static]\n" }, {}, 0],
      ["a list of headers in project.toml", { "project.toml": "[[io.tspack.static.headers]]\n" }, {}, 0],
      ["another section in project.toml", { "project.toml": "[io.tspack.statics]\n" }, {}, 100],
      ["index.html of a Go application", { "index.html": "", "go.mod": "" }, {}, 100],
      ["nginx.conf beside a Node.js application", { "nginx.conf": "", "package.json": {} }, {}, 100],
      ["index.html with a Procfile", { "index.html": "", Procfile: "web: ./x" }, {}, 100],
      ["a static build by Vite", { "vite.config.ts": "", "package.json": vite }, {}, 0],
      [
        "Vite with a server",
        { "vite.config.ts": "", "package.json": { scripts: { build: "vite build", start: "node x" } } },
        {},
        100,
      ],
      ["BP_WEB_SERVER_ROOT", { "package.json": {} }, { BP_WEB_SERVER_ROOT: "build" }, 0],
      ["BP_WEB_SERVER=nginx", {}, { BP_WEB_SERVER: "nginx" }, 0],
      ["BP_WEB_SERVER=httpd", { "index.html": "" }, { BP_WEB_SERVER: "httpd" }, 100],
    ])("on %s", async (_, files, env, code) => {
      for (const [path, content] of Object.entries(files)) workspace.write(path, content);
      expect((await workspace.detect("nginx", env as Environment)).code).toBe(code);
    });

    it("requires nginx and a shell as packages of the distribution", async () => {
      workspace.write("index.html", "");
      const { plan } = await workspace.detect("nginx");
      expect(plan).toEqual({
        requires: [{ name: "deb-packages", metadata: { packages: ["nginx", "dash"], build: true, launch: true } }],
      });
    });
  });

  describe("the configuration of a site", () => {
    beforeEach(() => {
      mkdirSync(join(workspace.app, "public"));
    });

    it("serves the directory, asks again for pages, and takes the ETag from the whole site", async () => {
      const { code, output } = await configure("public");
      expect(code).toBe(0);
      expect(output).toContain(`root "${workspace.app}/public";`);
      expect(output).toContain("try_files $uri $uri/ $uri.html =404;");
      expect(output).toContain('default "no-cache";');
      expect(output).toContain("etag off;");
      expect(output).toContain(`add_header ETag 'W/"abc123"';`);
      expect(output).toContain("listen {{port}};");
    });

    it("hides files that describe the image where the root directory is served", async () => {
      expect((await configure(".")).output).toMatch(/location ~ "\^\/\(\?:project\\\.toml\|Procfile\|/);
      expect((await configure("public")).output).not.toContain("Procfile");
    });

    it.each([
      ["index-BX3k9d2f.js", true],
      ["main.3f2a1b4c.css", true],
      ["logo.5d5d9eefa31e5e13a6610d9fa7a283bb.svg", true],
      ["index-DiwrgTda.js", true],
      ["bootstrap-responsive.css", false],
      ["jquery-3.7.1.min.js", false],
      ["site.css", false],
      ["report-20240101.html", false],
    ])("by its name %s is kept for good: %s", async (name, kept) => {
      const { output } = await configure("public");
      const pattern = /"~([^"]+)" "public, max-age=31536000, immutable"/.exec(output)?.[1] ?? "no pattern";
      expect(new RegExp(pattern).test(`/assets/${name}`)).toBe(kept);
    });

    it("takes root, spa, headers, redirects and immutable paths from project.toml", async () => {
      workspace.write(
        "project.toml",
        `[io.tspack.static]
root = "./public/"
spa = true
immutable = ["/build/*"]

[[io.tspack.static.headers]]
for = "/*"
values = { X-Frame-Options = "DENY", Cache-Control = "max-age=60" }

[[io.tspack.static.headers]]
for = "/embed/*"
[io.tspack.static.headers.values]
X-Frame-Options = "say \\"x\\""

[[io.tspack.static.redirects]]
from = "/old"
to = "/new?a=b"

[[io.tspack.static.redirects]]
from = "/blog/*"
to = "https://example.com/:splat"
status = 308
`,
      );
      const { code, output } = await configure("dist");
      expect(code).toBe(0);
      expect(output).toContain("try_files $uri $uri/index.html $uri.html /index.html;");
      expect(output).toContain(
        String.raw`map $uri $header_x_frame_options {
        "~(?s)^\/embed\/.*$" "say \"x\"";
        "~(?s)^\/.*$" "DENY";`,
      );
      expect(output).toContain(String.raw`"~(?s)^\/build\/.*$" "public, max-age=31536000, immutable";`);
      expect(output).toContain(String.raw`"~(?s)^\/.*$" "max-age=60";`);
      expect(output).toContain('location = "/old" { return 301 "/new?a=b"; }');
      expect(output).toContain(
        String.raw`location ~ "^\/blog\/" { return 308 "https://example.com/${"${splat_2}"}$is_args$args"; }`,
      );
    });

    it("variables go before project.toml", async () => {
      workspace.write("project.toml", '[io.tspack.static]\nroot = "nowhere"\nspa = true\n');
      const env = {
        BP_WEB_SERVER_ROOT: "public",
        BP_WEB_SERVER_ENABLE_PUSH_STATE: "false",
        BP_WEB_SERVER_FORCE_HTTPS: "true",
      };
      const { code, output } = await configure("public", env);
      expect(code).toBe(0);
      expect(output).toContain("$uri/ $uri.html =404;");
      expect(output).toContain("return 308 https://$host$request_uri;");
    });

    it("reports everything that is wrong at once", async () => {
      workspace.write(
        "project.toml",
        `[io.tspack.static]
root = "../other"
spa = "perhaps"
colour = "red"
immutable = "/a"
headers = [{ for = "a", values = { "X Y" = "z", A = "$b" } }]
redirects = [{ from = "a", to = "//evil", status = 200 }]
`,
      );
      const { code, output } = await configure("public");
      expect(code).toBe(1);
      for (const problem of [
        "io.tspack.static.colour is not known",
        'root: expected a directory of the application, found "../other"',
        'BP_WEB_SERVER_ENABLE_PUSH_STATE: expected true or false, found "perhaps"',
        "io.tspack.static.immutable: expected a list of paths or false",
        'io.tspack.static.headers.for: expected a path such as /assets/*, found "a"',
        '"X Y" is no name of a header',
        "io.tspack.static.headers.values.A: expected text without $",
        'io.tspack.static.redirects.from: expected a path such as /old or /old/*, found "a"',
        'io.tspack.static.redirects.to: expected a path or an address, found "//evil"',
        "io.tspack.static.redirects.status: expected 301, 302, 303, 307 or 308",
      ])
        expect(output).toContain(problem);
    });

    it("a directory that is not there fails, for Vite with the reason that is likely", async () => {
      expect((await configure("dist")).output).toContain("or the build script of package.json did not make it");
    });

    it("TOML that is none fails with file and line", async () => {
      workspace.write("project.toml", "[io.tspack.static]\nroot =\n");
      const outcome = await configure("public");
      expect(outcome.code).not.toBe(0);
      expect(outcome.output).toContain("ERROR: project.toml:2: this is not valid TOML");
    });
  });

  describe("a configuration of the application", () => {
    const start = () => join(workspace.root, "start");
    async function adapt(text: string): Promise<Outcome & { readonly text: string }> {
      workspace.write("nginx.conf", text);
      writeFileSync(start(), readFileSync(join(lib, "start-nginx")));
      const outcome = await run([join(lib, "adapt.pl"), start(), "nginx.conf"]);
      return { ...outcome, text: readFileSync(join(workspace.app, "nginx.conf"), "utf8") };
    }

    it("keeps its lines; templates become files that are written at launch", async () => {
      const text =
        'events {}\nhttp {\n  server {\n    listen {{ port }};\n    add_header X "it\'s {{env "NAME"}}";\n  }\n}\n';
      const adapted = await adapt(text);
      expect(adapted).toMatchObject({ code: 0, output: "" });
      const lines = adapted.text.split("\n");
      expect(lines).toHaveLength(text.split("\n").length);
      expect(lines[3]).toBe("    include /tmp/tspack-nginx-nginx-conf-4.conf;");
      const script = readFileSync(start(), "utf8").replaceAll("/tmp/", `${workspace.root}/`);
      writeFileSync(start(), script);
      expect(await run(["dash", start()], { PORT: "1234", NAME: "a b" })).toEqual({ code: 0, output: "" });
      expect(readFileSync(join(workspace.root, "tspack-nginx-nginx-conf-4.conf"), "utf8")).toBe("listen 1234;\n");
      expect(readFileSync(join(workspace.root, "tspack-nginx-nginx-conf-5.conf"), "utf8")).toBe(
        'add_header X "it\'s a b";\n',
      );
    });

    it.each([
      [{}, "nginx.conf:1 needs the variable NAME, which is not set"],
      [{ NAME: "a; return 200" }, "nginx.conf:1: the variable NAME has a character that nginx would take for its own"],
      [{ NAME: "a", PORT: "http" }, 'PORT: expected a number, found "http"'],
      [{ NAME: "a", WEB_CONCURRENCY: "0" }, 'WEB_CONCURRENCY: expected a number of at least 1, found "0"'],
    ])("a launch with %j stops: %s", async (env, message) => {
      await adapt('user {{env "NAME"}};\n');
      const outcome = await run(["dash", start()], env);
      expect(outcome).toEqual({ code: 1, output: `ERROR: ${message}\n` });
    });

    it("gets what a container needs, unless it says that itself", async () => {
      const { text } = await adapt("http {\n access_log off;\n etag on;\n}\n");
      expect(text.split("\n")[0]).toBe(
        "http { client_body_temp_path /tmp/tspack-nginx-client_body; expires -1; fastcgi_temp_path /tmp/tspack-nginx-fastcgi;" +
          " if_modified_since off; proxy_temp_path /tmp/tspack-nginx-proxy; scgi_temp_path /tmp/tspack-nginx-scgi;" +
          " uwsgi_temp_path /tmp/tspack-nginx-uwsgi;",
      );
    });

    it.each([
      ["http { listen {{port}}; }\n", "nginx.conf:1: a template has to be in a line of one directive"],
      ["\nlisten {{PORT}};\n", "nginx.conf:2: {{PORT}} is not known"],
      ['load {{module "x"}};\n', 'nginx.conf:1: {{module "x"}} is not known'],
    ])("%j fails: %s", async (text, message) => {
      const outcome = await adapt(text);
      expect(outcome.code).toBe(1);
      expect(outcome.output).toContain(message);
      expect(outcome.text).toBe(text);
    });

    it("says which line listens on a port that is not the launch's", async () => {
      const { output } = await adapt("http {\n server {\n  listen 80;\n }\n}\n");
      expect(output).toBe("warning: nginx.conf:3 listens on 80, not on {{port}}\n");
    });
  });
});
