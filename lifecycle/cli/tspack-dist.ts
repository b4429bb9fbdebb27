#!/usr/bin/env node
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Context } from "../context.ts";
import { writeLifecycleArchive } from "../distribution/archive.ts";
import { version } from "../distribution/version.ts";
import { TspackError } from "../errors.ts";
import { createLifecycle } from "../platform/create-lifecycle.ts";
import { chooseMirrors } from "../platform/debian/mirrors.ts";
import { placesFrom } from "../platform/places.ts";
import type { StackArch } from "../platform/stack/create-stack.ts";
import { readStackFile } from "../platform/stack/stack-file.ts";
import { lineLogger } from "./console.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { barScreen } from "./bar-screen.ts";
import { consoleProgress, formatBytes } from "./progress.ts";
import { renderError } from "./render-error.ts";

// `npm run dist`: writes tspack-lifecycle-<version>-linux-<arch>.tgz, for each architecture whose
// C programs `npm run build` could compile.
const usage = "usage: npm run dist -- [--arch amd64,arm64] [--output FOLDER] [--mirror URL] [--stack STACK.TOML]";

const distDir = dirname(fileURLToPath(import.meta.url));
const write = (text: string): void => void process.stderr.write(text);
const aborter = new AbortController();
process.on("SIGINT", () => aborter.abort());
const color = process.stderr.isTTY;
const screen = color ? barScreen(write, () => process.stderr.columns) : { write };
const ctx: Context = {
  logger: lineLogger(screen.write, { level: "info", color }),
  progress: consoleProgress({ ...screen, now: Date.now }),
  clock: () => new Date(),
  signal: aborter.signal,
};

try {
  await run();
} catch (error) {
  write(`${renderError(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

async function run(): Promise<void> {
  const { arch, output, mirror, stack } = readArguments();
  const { env } = process;
  const stackFile = resolve(stack ?? join(distDir, "../stacks/bookworm/stack.toml"));
  const { suites } = await readStackFile(stackFile);
  const mirrors = await chooseMirrors({ option: mirror, env: env["TSPACK_DEBIAN_MIRROR"], aptDir: "/etc/apt", suites });
  const cacheDir = placesFrom(env).downloads;
  const network = {
    caFile: env["NODE_EXTRA_CA_CERTS"] ?? env["SSL_CERT_FILE"],
    httpProxy: env["http_proxy"] ?? env["HTTP_PROXY"],
    httpsProxy: env["https_proxy"] ?? env["HTTPS_PROXY"],
    noProxy: env["no_proxy"] ?? env["NO_PROXY"],
  };
  for (const each of arch) {
    const lifecycle = await createLifecycle({ arch: each, stackFile, distDir, mirrors, cacheDir, network, ctx });
    const file = join(output, `tspack-lifecycle-${version}-linux-${each}.tgz`);
    const { size, sha256 } = await writeLifecycleArchive(lifecycle, file, ctx.signal);
    process.stdout.write(`${file} (${formatBytes(size)}, sha256 ${sha256})\n`);
  }
}

/** Those that the C programs were compiled for. */
function builtArchitectures(): readonly string[] {
  const all = ["amd64", "arm64"];
  const built = all.filter((arch) => existsSync(join(distDir, "native", `linux-${arch}`, "launcher")));
  return built.length > 0 ? built : all;
}

interface Arguments {
  readonly arch: readonly StackArch[];
  readonly output: string;
  readonly mirror: string | undefined;
  readonly stack: string | undefined;
}

function readArguments(): Arguments {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({ options: { arch: text, output: text, mirror: text, stack: text } });
    const arch = values.arch?.split(",") ?? builtArchitectures();
    if (!arch.every((each): each is StackArch => each === "amd64" || each === "arm64"))
      throw new Error(`--arch ${values.arch}`);
    return { arch, output: resolve(values.output ?? "."), mirror: values.mirror, stack: values.stack };
  } catch (error) {
    throw new TspackError("INVALID_ARGUMENTS", error instanceof Error ? error.message : String(error), { hint: usage });
  }
}
