import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";

/** What a buildpack's program did. Both streams are in `output`, in the order of arrival. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Variables beside those of the Buildpack specification. */
export type Environment = Readonly<Record<string, string>>;

/** Directory of a buildpack of this repository. */
export function buildpackDirectory(id: string): string {
  return fileURLToPath(new URL(`../../buildpacks/${id}`, import.meta.url));
}

/** The directories of all buildpacks of this repository, composites too. */
export function buildpackFolders(): readonly string[] {
  return readdirSync(buildpackDirectory(".")).filter((name) =>
    existsSync(join(buildpackDirectory(name), "buildpack.toml")),
  );
}

/** Temporary application, layers and platform directories in which single buildpacks run as the lifecycle runs them. */
export class Workspace {
  readonly root: string;
  readonly app: string;
  readonly platform: string;

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), "tspack-buildpacks-"));
    this.app = join(this.root, "app");
    this.platform = join(this.root, "platform");
    mkdirSync(this.app);
    mkdirSync(join(this.platform, "env"), { recursive: true });
  }

  layers(id: string): string {
    const directory = join(this.root, "layers", `tspack_${id}`);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  /** Writes a file of the application; objects become JSON. */
  write(path: string, content: string | object): void {
    mkdirSync(join(this.app, path, ".."), { recursive: true });
    writeFileSync(join(this.app, path), typeof content === "string" ? content : JSON.stringify(content));
  }

  /** Replaces the application by a copy of a directory, or by an empty one. */
  replaceApp(source?: string): void {
    rmSync(this.app, { recursive: true, force: true });
    if (source === undefined) mkdirSync(this.app);
    else cpSync(source, this.app, { recursive: true, filter: (path) => !path.endsWith("/node_modules") });
  }

  /** Runs bin/detect; the build plan is in `plan`. */
  async detect(id: string, env: Environment = {}): Promise<Outcome & { readonly plan: Record<string, unknown> }> {
    const planFile = join(this.root, `${id}.build-plan.toml`);
    writeFileSync(planFile, "");
    const outcome = await this.#run(id, "detect", { CNB_BUILD_PLAN_PATH: planFile, ...env });
    return { ...outcome, plan: parse(readFileSync(planFile, "utf8")) };
  }

  /** Runs bin/build with the names of the plan entries that it shall meet. */
  build(id: string, entries: readonly string[] = [], env: Environment = {}): Promise<Outcome> {
    const planFile = join(this.root, `${id}.plan.toml`);
    writeFileSync(planFile, entries.map((name) => `[[entries]]\n  name = "${name}"\n`).join("\n"));
    return this.#run(id, "build", { CNB_LAYERS_DIR: this.layers(id), CNB_BP_PLAN_PATH: planFile, ...env });
  }

  /** A TOML file of a buildpack's layers directory; an empty table when there is none. */
  toml(id: string, name: string): Record<string, unknown> {
    const file = join(this.layers(id), name);
    return existsSync(file) ? parse(readFileSync(file, "utf8")) : {};
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #run(id: string, program: "detect" | "build", env: Environment): Promise<Outcome> {
    const directory = buildpackDirectory(id);
    return capture([join(directory, "bin", program)], this.app, {
      PATH: process.env["PATH"] ?? "",
      HOME: join(this.root, "no-home"),
      CNB_BUILDPACK_DIR: directory,
      CNB_PLATFORM_DIR: this.platform,
      CNB_TARGET_OS: "linux",
      CNB_TARGET_ARCH: process.arch === "arm64" ? "arm64" : "amd64",
      ...env,
    });
  }
}

/** Runs a program to its end with exactly this environment. */
export function capture(command: readonly string[], cwd: string, env: Environment): Promise<Outcome> {
  const [file = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({ code: code ?? -1, output: Buffer.concat(chunks).toString() + (signal ?? "") });
    });
  });
}
