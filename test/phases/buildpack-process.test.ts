import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BuildpackCommand, outcomeText, runBuildpackProcess } from "../../lifecycle/phases/buildpack-process.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "buildpack-process-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const never = new AbortController().signal;

function script(text: string, mode = 0o755): string {
  const file = join(dir, "build");
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

function collecting(): { readonly output: BuildpackCommand["output"]; readonly text: () => string } {
  const chunks: Uint8Array[] = [];
  return {
    output: { kind: "stream", write: (bytes) => chunks.push(bytes) },
    text: () => Buffer.concat(chunks).toString(),
  };
}

function command(executable: string, more: Partial<BuildpackCommand> = {}): BuildpackCommand {
  return { executable, args: [], cwd: dir, env: { PATH: "/usr/bin:/bin" }, output: collecting().output, ...more };
}

async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 40; tries += 1) {
    const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
    if (state === "" || state.includes(") Z ")) return true;
    await sleep(25);
  }
  return false;
}

describe("what a buildpack's executable is given", () => {
  test("exactly the environment, the arguments and the directory of the command, and an empty input", async () => {
    const { output, text } = collecting();
    const executable = script(
      '#!/bin/sh\nenv | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort\necho "$@"\npwd\ncat\n',
    );
    const outcome = await runBuildpackProcess(
      command(executable, { args: ["a b", "c"], env: { PATH: "/bin", X: "a=b\nc" }, output }),
      never,
    );
    expect(outcome).toEqual({ kind: "exited", exitCode: 0 });
    expect(text()).toBe(`PATH=/bin\nX=a=b\nc\na b c\n${dir}\n`);
  });

  test("both streams reach one descriptor in the order in which they were written", async () => {
    const log = join(dir, "log");
    const fd = openSync(log, "a");
    await runBuildpackProcess(
      command(script("#!/bin/sh\necho 1; echo 2 >&2; echo 3; echo 4 >&2\n"), { output: { kind: "descriptor", fd } }),
      never,
    );
    closeSync(fd);
    expect(readFileSync(log, "utf8")).toBe("1\n2\n3\n4\n");
  });
});

describe("how it ends", () => {
  test("an exit code is reported as it is", async () => {
    const outcome = await runBuildpackProcess(command(script("#!/bin/sh\nexit 100\n")), never);
    expect(outcome).toEqual({ kind: "exited", exitCode: 100 });
    expect(outcomeText(outcome)).toBe("exit status 100");
  });

  test("a signal is named", async () => {
    const outcome = await runBuildpackProcess(command(script("#!/bin/sh\nkill -SEGV $$\n")), never);
    expect(outcomeText(outcome)).toBe("signal: segmentation fault");
  });

  test.each([
    ["no such file or directory", () => join(dir, "none")],
    ["permission denied", () => script("#!/bin/sh\n", 0o644)],
    ["exec format error", () => script("echo a text without an interpreter\n")],
    ["no such file or directory", () => script("#!/no/such/interpreter\n")],
  ])("one that cannot start says %s", async (reason, make) => {
    const executable = make();
    const outcome = await runBuildpackProcess(command(executable), never);
    expect(outcome).toEqual({ kind: "not-started", reason: `fork/exec ${executable}: ${reason}` });
  });

  test("a missing working directory is not blamed on the executable", async () => {
    const cwd = join(dir, "app");
    const outcome = await runBuildpackProcess(command(script("#!/bin/sh\n"), { cwd }), never);
    expect(outcome).toEqual({ kind: "not-started", reason: `chdir ${cwd}: no such file or directory` });
  });

  test("one that takes too long is killed with its grandchildren, even when it ignores SIGTERM", async () => {
    const { output, text } = collecting();
    const executable = script("#!/bin/sh\ntrap '' TERM\nsleep 60 &\necho $!\nwhile :; do sleep 1; done\n");
    const outcome = await runBuildpackProcess(command(executable, { output, timeout: 300, grace: 100 }), never);
    expect(outcome).toEqual({ kind: "timed-out", timeout: 300 });
    expect(await isGone(Number(text().trim()))).toBe(true);
  });

  test("a process that it leaves behind is killed and holds nothing up", async () => {
    const { output, text } = collecting();
    const outcome = await runBuildpackProcess(command(script("#!/bin/sh\nsleep 60 &\necho $!\n"), { output }), never);
    expect(outcome).toEqual({ kind: "exited", exitCode: 0 });
    expect(await isGone(Number(text().trim()))).toBe(true);
  });

  test("an abort stops it and is CANCELED", async () => {
    const controller = new AbortController();
    const { output, text } = collecting();
    const running = runBuildpackProcess(
      command(script("#!/bin/sh\necho $$\nsleep 60\n"), { output }),
      controller.signal,
    );
    while (text() === "") await sleep(10);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "CANCELED" });
    expect(await isGone(Number(text().trim()))).toBe(true);
  });

  test("nothing starts when the signal is aborted already", async () => {
    const executable = script(`#!/bin/sh\ntouch ${join(dir, "ran")}\n`);
    await expect(runBuildpackProcess(command(executable), AbortSignal.abort())).rejects.toMatchObject({
      code: "CANCELED",
    });
    expect(existsSync(join(dir, "ran"))).toBe(false);
  });
});
