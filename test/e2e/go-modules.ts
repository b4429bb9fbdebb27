import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A module of the Go module proxy at one version, with the sum that its archive has to have. */
export interface GoModule {
  readonly path: string;
  readonly version: string;
  /** `h1:…`, as go.sum spells it. */
  readonly sum: string;
}

/** Programs to be built. */
export interface GoBuild {
  /** A module of the proxy, or a directory of ours with a go.mod and a go.sum. */
  readonly source: GoModule | { readonly directory: string };
  /** Packages below the source by the name of their program. */
  readonly programs: Readonly<Record<string, string>>;
  /** Values of string variables, by their full name. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Directories of the source that have only the given files instead of their own. */
  readonly instead?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

// What the modules of the tests ask for at least.
const needed = { go: "go1.26.6", toolchain: "v0.0.1-go1.26.6" };

/** Sums of the toolchain by architecture: it is checked like any module. */
const toolchainSums: Readonly<Record<string, string>> = {
  amd64: "h1:owmNw4SPM9h46FGOeGJVUWzFEEDSmO6g7gAtWoXp28s=",
};

const usualPlaces = ["go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go"];

/** Whether there is any Go: with it a newer one comes out of the module proxy. A failure in CI. */
export function lackingGo(): readonly string[] {
  if (process.arch !== "x64") return ["a processor that the Go toolchain's sum is known for"];
  if (anyGo() !== undefined) return [];
  if (process.env["CI"] !== undefined) throw new Error("CI needs go (golang-go)");
  return ["go"];
}

/** Builds programs, or takes them from an earlier build; gives the directory that they are in. */
export function buildGoPrograms(build: GoBuild): string {
  const place = join(testCache(), "go");
  mkdirSync(place, { recursive: true, mode: 0o755 });
  const built = join(place, identity(build));
  if (existsSync(built)) return built;
  const scratch = mkdtempSync(join(place, "making-"));
  try {
    const go = newGo();
    const directory =
      "path" in build.source ? copyModule(go, build.source, join(scratch, "source")) : build.source.directory;
    for (const [path, files] of Object.entries(build.instead ?? {})) replaceFiles(join(directory, path), files);
    const output = join(scratch, "programs");
    mkdirSync(output);
    const variables = Object.entries(build.variables ?? {}).flatMap(([name, value]) => ["-X", `${name}=${value}`]);
    const flags = ["-trimpath", "-mod=readonly", "-buildvcs=false", "-ldflags", ["-s", "-w", ...variables].join(" ")];
    for (const [name, path] of Object.entries(build.programs))
      run(go, ["build", ...flags, "-o", join(output, name), `./${path}`], directory);
    chmodSync(output, 0o755);
    renameSync(output, built);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return built;
}

/** Everything that the programs depend on. */
function identity(build: GoBuild): string {
  const hash = createHash("sha256").update(JSON.stringify([needed, build]));
  if ("directory" in build.source) {
    const { directory } = build.source;
    for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" }).sort())
      if (lstatSync(join(directory, name)).isFile()) hash.update(name).update(readFileSync(join(directory, name)));
  }
  return hash.digest("hex").slice(0, 32);
}

/** A module's own source in a directory that can be changed. Its sum is compared here, those of what it needs by its go.sum. */
function copyModule(go: string, module: GoModule, to: string): string {
  execFileSync("cp", ["-r", download(go, module), to]);
  execFileSync("chmod", ["-R", "u+w", to]);
  return to;
}

function replaceFiles(directory: string, files: Readonly<Record<string, string>>): void {
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
}

/** Fetches a module through the proxy that Go is set up for; gives its directory in Go's own cache. */
function download(go: string, { path, version, sum }: GoModule): string {
  const text = run(go, ["mod", "download", "-json", `${path}@${version}`], tmpdir());
  const found = JSON.parse(text) as { readonly Dir: string; readonly Sum: string };
  if (found.Sum !== sum) throw new Error(`${path}@${version}: expected the sum ${sum}, got ${found.Sum}`);
  return found.Dir;
}

/** A Go that is new enough: this machine's, or the toolchain that is a module of the proxy. */
function newGo(): string {
  const go = anyGo();
  if (go === undefined) throw new Error("there is no go");
  if (versionOf(go).localeCompare(needed.go, "en", { numeric: true }) >= 0) return go;
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const version = `${needed.toolchain}.linux-${architecture}`;
  const root = download(go, { path: "golang.org/toolchain", version, sum: toolchainSums[architecture] ?? "unknown" });
  // Archives of modules have no modes. As Go itself does where it switches toolchains.
  for (const name of ["bin", "pkg/tool"])
    execFileSync("find", [join(root, name), "-type", "f", "-exec", "chmod", "755", "{}", "+"]);
  return join(root, "bin/go");
}

function anyGo(): string | undefined {
  const installed = usualPlaces.filter((go) => versionOf(go) !== "");
  return installed.sort((a, b) => versionOf(a).localeCompare(versionOf(b), "en", { numeric: true })).at(-1);
}

/** `go1.19.8`; empty where there is none. */
function versionOf(go: string): string {
  try {
    return run(go, ["env", "GOVERSION"], tmpdir()).trim();
  } catch {
    return "";
  }
}

function run(go: string, args: readonly string[], cwd: string): string {
  // Each Go knows its own root; a GOROOT would give it another one's.
  const { GOROOT: _, ...given } = process.env;
  const env = { ...given, GOTOOLCHAIN: "local", CGO_ENABLED: "0", GOFLAGS: "" };
  try {
    return execFileSync(go, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1e8 });
  } catch (error) {
    const { stderr = "", stdout = "" } = error as { readonly stderr?: string; readonly stdout?: string };
    throw new Error(`go ${args.join(" ")}: ${stderr.slice(-2000)}${stdout.slice(-2000)}`, { cause: error });
  }
}

/** What tests keep from run to run: `TSPACK_TEST_CACHE`, or a directory for temporary files that is this user's alone. */
function testCache(): string {
  const uid = process.getuid?.() ?? 0;
  const path = process.env["TSPACK_TEST_CACHE"] ?? join(tmpdir(), `tspack-test-cache-${uid}`);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  const stats = lstatSync(path);
  if (stats.uid !== uid || !stats.isDirectory() || (stats.mode & 0o022) !== 0)
    throw new Error(`${path} has to be a directory that only its owner, user ${uid}, can write to`);
  return path;
}
