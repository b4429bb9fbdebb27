import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** A C compiler that this machine has, or undefined. */
export function cCompiler(): string | undefined {
  return ["cc", "gcc", "clang"].find((name) => succeeds(name, ["--version"]));
}

export function succeeds(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export interface Programs {
  readonly launcher: string;
  /** What the cases start: prints what it was started with. */
  readonly probe: string;
}

/** The C programs of the package as they are shipped, into `<folder>/linux-<arch>/`; returns that folder. */
export function buildPrograms(folder: string): string {
  const script = join(root, "lifecycle/distribution/native.mjs");
  const code = `import(${JSON.stringify(script)}).then((m) => m.buildNative(${JSON.stringify({ root, output: folder })}))`;
  execFileSync(process.execPath, ["-e", code], { stdio: ["ignore", "inherit", "inherit"] });
  return join(folder, `linux-${process.arch === "x64" ? "amd64" : process.arch}`);
}

/** The launcher as it is shipped, and the probe, compiled into a folder. */
export function compilePrograms(compiler: string, folder: string): Programs {
  const probe = join(folder, "probe");
  execFileSync(compiler, ["-static", "-O1", "-o", probe, join(import.meta.dirname, "probe.c")]);
  return { launcher: join(buildPrograms(folder), "launcher"), probe };
}

/** The launcher with checks of memory and undefined behaviour, which end it with exit code 99; undefined without them. */
export function compileSanitized(compiler: string, folder: string): string | undefined {
  // Variables for the sanitizers would be seen by the launched process: options are compiled in.
  const options = join(folder, "options.c");
  writeFileSync(
    options,
    'const char *__asan_default_options(void){return "detect_leaks=0:exitcode=99";}\n' +
      'const char *__ubsan_default_options(void){return "halt_on_error=1:exitcode=99";}\n',
  );
  const target = join(folder, "launcher-sanitized");
  const flags = ["-std=c99", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  const sources = [join(root, "lifecycle/launcher/launcher.c"), options];
  return succeeds(compiler, [...flags, "-o", target, ...sources]) ? target : undefined;
}
