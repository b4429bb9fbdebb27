import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { skipWithout } from "./require-tools.ts";
import { capture, Workspace } from "./workspace.ts";

const tools = skipWithout("bash", "perl", "cc", "jq", "sed", "sha256sum");
const PATH = process.env["PATH"] ?? "";

/** Whether a program of 64 bits names a dynamic loader (PT_INTERP), and so is not static. */
function needsLoader(elf: Buffer): boolean {
  const [start, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => elf.readUInt32LE(start + index * size)).includes(3);
}

describe.skipIf(tools.skip)(`init${tools.note}`, () => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace();
  });
  afterEach(() => workspace.remove());

  const layer = (path: string): string => join(workspace.layers("init"), path);
  const declare = (...entries: readonly string[]): void =>
    workspace.write("project.toml", entries.map((entry) => `[[io.tspack.init.processes]]\n${entry}\n`).join("\n"));
  /** The lines of the configuration, without the comment. */
  const configuration = (): readonly string[] =>
    readFileSync(layer("configuration/processes"), "utf8").replace(/\n$/, "").split("\n").slice(1);
  const web = 'name = "web"\ncommand = ["./web", "a b"]\nmain = true';

  /** A PATH whose `cc` is this script, or is missing. */
  function compiler(script?: string): string {
    const bin = join(workspace.root, "bin");
    mkdirSync(bin);
    for (const name of [
      "bash",
      "env",
      "perl",
      "sed",
      "sha256sum",
      "mktemp",
      "rm",
      "mkdir",
      "cat",
      "cp",
      "mv",
      "stat",
      "chmod",
      "head",
      "jq",
    ]) {
      const found = PATH.split(":").find((directory) => statSync(join(directory, name), { throwIfNoEntry: false }));
      if (found !== undefined) symlinkSync(join(found, name), join(bin, name));
    }
    if (script !== undefined) writeFileSync(join(bin, "cc"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return bin;
  }
  /** Makes a file by the name that a compiler is told. */
  const quick = 'case "$1" in -*version|-dumpmachine) echo 1; exit;; esac; echo compiled; echo made >init';

  it("takes part only where it is asked for", async () => {
    workspace.write("Procfile", "web: ./web\nworker: ./worker\n");
    workspace.write("project.toml", "[io.tspack.static]\n# [[io.tspack.init.processes]]\n");
    expect(await workspace.detect("init")).toMatchObject({ code: 100, output: expect.stringMatching(/^no \[\[io\./) });
    expect(await workspace.detect("init", { BP_INIT_PROCESSES: "web,worker" })).toMatchObject({ code: 0, plan: {} });
    declare(web);
    expect(await workspace.detect("init")).toMatchObject({ code: 0, plan: {} });
    expect(await workspace.detect("init", { CNB_EXEC_ENV: "test" })).toMatchObject({ code: 100 });
  });

  it("makes a static program, its configuration and the default process, and keeps the program", async () => {
    declare(
      web,
      'name = "worker"\ncommand = "./worker --every 5 \'a b\'"\nrestart = "on-failure"\nready = { port = 9000 }',
      'name = "mail"\ncommand = "./mail >mail.log"\nready = { port = 9001, http = "/health", timeout = 5 }',
    );
    const first = await workspace.build("init");
    expect(first).toMatchObject({ code: 0, output: expect.stringMatching(/^Compiled init: \d+ kB, static$/m) });
    expect(first.output).toContain("web: ./web a b (main)\n");
    expect(first.output).toContain(
      "mail: /bin/sh -c ./mail >mail.log (restart always, ready when /health on port 9001 answers with 200)\n",
    );
    expect(configuration()).toEqual([
      ...["process web main", "arg ./web", "arg a b"],
      ...["process worker on-failure", "arg ./worker", "arg --every", "arg 5", "arg a b", "port 9000"],
      ...["process mail always", "arg /bin/sh", "arg -c", "arg ./mail >mail.log"],
      ...["port 9001", "path /health", "timeout 5"],
    ]);
    expect(workspace.toml("init", "launch.toml")).toEqual({
      processes: [{ type: "init", command: [layer("init/bin/init"), layer("configuration/processes")], default: true }],
    });
    expect(workspace.toml("init", "configuration.toml")).toEqual({ types: { launch: true } });
    expect(workspace.toml("init", "init.toml")).toEqual({
      types: { launch: true, cache: true },
      metadata: { key: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    const bytes = readFileSync(layer("init/bin/init"));
    expect(needsLoader(bytes)).toBe(false);

    const second = await workspace.build("init");
    expect(second.output).toContain("Reusing cached init: same source, same compiler\n");
    expect(readFileSync(layer("init/bin/init")).equals(bytes)).toBe(true);
    // It starts what the buildpack has written.
    workspace.write("web", '#!/bin/sh\necho "web: $1"\nexit 6\n');
    chmodSync(join(workspace.app, "web"), 0o755);
    declare(web, 'name = "other"\ncommand = ["sleep", "9"]');
    await workspace.build("init");
    const command = [layer("init/bin/init"), layer("configuration/processes")];
    expect(await capture(command, workspace.app, { PATH })).toEqual({ code: 6, output: "web: a b\n" });
  });

  it("makes the program again by another compiler", async () => {
    declare(web);
    const bin = compiler(quick);
    expect((await workspace.build("init", [], { PATH: bin })).output).toContain("Compiled init");
    expect((await workspace.build("init", [], { PATH: bin })).output).toContain("Reusing cached init");
    writeFileSync(join(bin, "cc"), `#!/bin/sh\n${quick.replace("echo 1", "echo 2")}\n`);
    expect((await workspace.build("init", [], { PATH: bin })).output).toContain("Compiled init");
  });

  it.each([
    ["a Procfile's lines by name, of which web is the main one", "worker,web", "web main", "worker always"],
    ["the first one as the main one where there is no web", "worker mail", "worker main", "mail always"],
  ])("takes %s", async (_name, names, ...policies) => {
    workspace.write("Procfile", "web: ./web --port $PORT\nworker:./worker\n# no: one\nmail:  ./mail \n");
    declare('name = "ignored"');
    const env = { PATH: compiler(quick), BP_INIT_PROCESSES: names };
    expect(await workspace.build("init", [], env)).toMatchObject({ code: 0 });
    const found = configuration();
    expect(found.filter((line) => line.startsWith("process ")).toSorted()).toEqual(
      policies.map((policy) => `process ${policy}`).toSorted(),
    );
    if (names.includes("web")) expect(found.join("\n")).toContain("arg bash\narg -c\narg ./web --port $PORT");
    expect(found).toContain("arg ./worker");
  });

  it("takes the command of a process from the Procfile when project.toml has none", async () => {
    workspace.write("Procfile", "worker: bundle exec worker\n");
    declare(web, 'name = "worker"\nrestart = "never"');
    expect(await workspace.build("init", [], { PATH: compiler(quick) })).toMatchObject({ code: 0 });
    expect(configuration().slice(3)).toEqual(["process worker never", "arg bundle", "arg exec", "arg worker"]);
  });

  it.each([
    [`./a "b c"'d e' ''`, ["./a", "b cd e", ""]],
    ["./a '$HOME;' x", ["./a", "$HOME;", "x"]],
    ["  ./a\tb  ", ["./a", "b"]],
    ["./a $HOME", undefined],
    ["A=1 ./a", undefined],
    ["exec ./a", undefined],
    ["cd b", undefined],
    ["./a it's", undefined],
    ['./a "$HOME"', undefined],
    ["./a\n./b", undefined],
  ])("splits text that needs no shell: %j", async (text, words) => {
    declare(`name = "web"\nmain = true\ncommand = ${JSON.stringify(text)}`);
    expect(await workspace.build("init", [], { PATH: compiler(quick) })).toMatchObject({ code: 0 });
    const expected = words ?? ["/bin/sh", "-c", text];
    expect(configuration().slice(1)).toEqual(expected.map((word) => `arg ${word.replaceAll("\n", "\\n")}`));
  });

  it("names every mistake and makes nothing", async () => {
    declare(
      web,
      'name = "web"\ncommand = []\nrestarts = "always"',
      'name = "a b"\ncommand = "x"',
      'name = "c"\ncommand = ""\nrestart = "sometimes"',
      'name = "d"',
      'name = "e"\ncommand = "x"\nready = { http = "health", timeout = 0 }',
      'name = "f"\ncommand = "x"\nready = 9000',
      'name = "g"\ncommand = "x"\nmain = true\nrestart = "always"\nready = { port = 70000 }',
    );
    const { code, output } = await workspace.build("init");
    expect(code).toBe(1);
    const problems = [
      "web: restarts is not known; there are: name command restart ready main",
      'web: expected a command, found "a list or table"',
      'entry 3: expected a name of letters, digits, ".", "_" and "-", found "a b"',
      'c: expected a command, found ""',
      'c: restart: expected always, on-failure or never, found "sometimes"',
      "d: command is missing, and no line of the Procfile is for d",
      'e: ready: http: expected a path such as /health, found "health"',
      'e: ready: timeout: expected a number from 1 to 86400, found "0"',
      "e: ready: a port is missing",
      'f: ready: expected a table such as { port = 9000 }, found "9000"',
      "g: the main process is not started again: with it init ends; remove restart",
      "g: nothing waits for the main process; remove ready",
      'g: ready: port: expected a number from 1 to 65535, found "70000"',
    ].map((problem) => `ERROR: project.toml: io.tspack.init.processes: ${problem}\n`);
    for (const problem of problems) expect(output).toContain(problem);
    expect(output).toContain("ERROR: web is there twice\n");
    expect(output).toContain("hint: what can be said there");
    expect(workspace.toml("init", "launch.toml")).toEqual({});
  });

  it.each([
    ["no main process", 'name = "a"\ncommand = "x"', "expected one process with main = true, found none"],
    ["two of them", `${web}\n[[io.tspack.init.processes]]\n${web.replace("web", "b")}`, "main = true, found web, b"],
    ["no TOML", 'name = "a" command', "project.toml:2: this is not valid TOML"],
  ])("refuses %s", async (_name, entry, message) => {
    declare(entry);
    const { code, output } = await workspace.build("init");
    expect(code).toBe(1);
    expect(output).toContain(message);
  });

  it.each([
    ["web,queue", "BP_INIT_PROCESSES names queue, but the Procfile has: web"],
    [",", 'BP_INIT_PROCESSES: expected names such as web,worker, found ","'],
  ])("refuses BP_INIT_PROCESSES=%s", async (names, message) => {
    workspace.write("Procfile", "web: ./web\n");
    const { code, output } = await workspace.build("init", [], { BP_INIT_PROCESSES: names });
    expect(code).toBe(1);
    expect(output).toContain(message);
  });

  it("says what to do without a compiler, or with one that makes no static programs", async () => {
    declare(web);
    const bin = compiler();
    const remedy = "use a build image with gcc and libc6-dev, such as the default builder's";
    expect(await workspace.build("init", [], { PATH: bin })).toMatchObject({
      code: 1,
      output: expect.stringContaining(
        `ERROR: there is no C compiler (cc) in the build image\nhint: init is compiled in the build: ${remedy}`,
      ),
    });
    writeFileSync(join(bin, "cc"), "#!/bin/sh\ncase $1 in -std*) echo cannot find -lc; exit 1;; esac\n", {
      mode: 0o755,
    });
    const { code, output } = await workspace.build("init", [], { PATH: bin });
    expect(code).toBe(1);
    expect(output).toContain("cannot find -lc\nERROR: the C compiler of the build image can not make a static program");
    expect(statSync(layer("init"), { throwIfNoEntry: false })).toBeUndefined();
  });
});
