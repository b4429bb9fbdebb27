import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import { type GitAddress, withoutUserInfo } from "./git-address.ts";

/** The `git` program in one bare repository. */
export class Git {
  readonly #repository: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #address: GitAddress;
  readonly #ctx: Pick<Context, "signal">;

  constructor(
    repository: string,
    env: Readonly<Record<string, string>>,
    address: GitAddress,
    ctx: Pick<Context, "signal">,
  ) {
    this.#repository = repository;
    this.#env = env;
    this.#address = address;
    this.#ctx = ctx;
  }

  /** The same, which ends with another signal as well. */
  until(stop: AbortSignal): Git {
    const signal = AbortSignal.any([this.#ctx.signal, stop]);
    return new Git(this.#repository, this.#env, this.#address, { signal });
  }

  /** Runs git, and says what it wrote. Throws `TOOL_MISSING`, `CANCELED`. */
  async try(args: readonly string[]): Promise<{ readonly ok: boolean; readonly text: string }> {
    const { execa } = await import("execa");
    const { signal } = this.#ctx;
    const running = execa("git", [...safeSettings, "--git-dir", this.#repository, ...args], {
      env: this.#env,
      extendEnv: false,
      stdin: "ignore",
      reject: false,
      all: true,
      // git's own helper for a protocol outlives git when only that is ended, so all of them are.
      detached: true,
      maxBuffer: 1 << 20,
    });
    const end = (): void => endGroup(running.pid);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    const result = await running.finally(() => signal.removeEventListener("abort", end));
    if (signal.aborted) throw new TspackError("CANCELED", "canceled");
    if (result.code === "ENOENT") {
      throw new TspackError("TOOL_MISSING", "the program git is not installed", {
        hint: "install git, or give a directory or an archive with --path",
      });
    }
    return { ok: !result.failed, text: result.failed ? result.all : result.stdout };
  }

  /** Runs git; what `failed` says is the failure. Throws `GIT_FAILED`. */
  async run(args: readonly string[], failed: string): Promise<string> {
    const { ok, text } = await this.try(args);
    if (!ok) throw this.failure(text, failed);
    return text.trim();
  }

  /** The full name of a commit. Throws `GIT_FAILED` when there is none. */
  commit(name: string): Promise<string> {
    return this.run(
      ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`],
      `has no commit ${name}`,
    );
  }

  /** What git said, without credentials that a server's or a helper's message may have in an address. */
  failure(text: string, what: string): TspackError {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const said = withoutUserInfo(lines.slice(-5).join("; ")).slice(0, 2000);
    return new TspackError("GIT_FAILED", `${this.#address.url} ${what}`, {
      cause: said === "" ? undefined : new Error(said),
      hint: hintFor(text),
    });
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It is over already.
  }
}

function hintFor(text: string): string {
  if (
    /could not read (Username|Password)|Authentication failed|Permission denied|terminal prompts disabled/i.test(text)
  )
    return "nothing is asked here: let git find the credential by its credential helper, GIT_ASKPASS or ssh-agent";
  if (/couldn't find remote ref/i.test(text)) return "check the branch, the tag or the commit after #";
  if (/dubious ownership/i.test(text)) return "add the repository to git's safe.directory, or clone it yourself";
  return "check the address, the network and your rights; git clone with the same address has to work";
}

/** Nothing that a repository brings is run, and files come as they are in it. */
const safeSettings = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.autocrlf", "false"],
  ["core.symlinks", "true"],
  ["gc.auto", "0"],
  ["advice.detachedHead", "false"],
  ["submodule.recurse", "false"],
  ["credential.interactive", "false"],
  // A server that sends hardly anything for a minute does not come back; bytes a second, seconds.
  ["http.lowSpeedLimit", "100"],
  ["http.lowSpeedTime", "60"],
].flatMap(([key, value]) => ["-c", `${key}=${value}`]);
