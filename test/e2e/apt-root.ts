import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** An apt of its own: other sources, nothing installed, nothing of this machine's configuration. */
export interface AptRoot {
  /** Packages and versions that apt would install, or what it says instead. Names as `name=version` pin. */
  simulate(names: readonly string[]): Promise<ReadonlyMap<string, string> | string>;
  /** Compares with `dpkg`'s own rules by what `apt-cache policy` calls the candidate. */
  readonly dir: string;
  remove(): Promise<void>;
}

/** Makes one; `sources` is the text of a sources.list. Its lists are fetched once. */
export async function aptRoot(sources: string, preferences = ""): Promise<AptRoot> {
  const dir = await mkdtemp(join(tmpdir(), "tspack-apt-"));
  for (const path of ["etc/apt.conf.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial", "log"])
    await mkdir(join(dir, path), { recursive: true });
  await writeFile(join(dir, "etc/sources.list"), sources);
  await writeFile(join(dir, "etc/preferences"), preferences);
  await writeFile(join(dir, "status"), "");
  await writeFile(join(dir, "apt.conf"), configuration(dir));
  const env = { PATH: process.env["PATH"], APT_CONFIG: join(dir, "apt.conf"), LC_ALL: "C" };
  await run("apt-get", ["update", "-qq"], { env });
  return {
    dir,
    simulate: async (names) => {
      try {
        const { stdout } = await run("apt-get", ["--simulate", "install", ...names], { env, maxBuffer: 1 << 24 });
        return new Map(
          [...stdout.matchAll(/^Inst (\S+) \((\S+)/gm)].map(([, name = "", version = ""]) => [name, version]),
        );
      } catch (error) {
        return (error as { stderr?: string; stdout?: string }).stderr ?? String(error);
      }
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

function configuration(dir: string): string {
  return `Dir "${dir}";
Dir::Etc "etc";
Dir::Etc::parts "apt.conf.d";
Dir::State "state";
Dir::State::status "${dir}/status";
Dir::Cache "cache";
Dir::Log "${dir}/log";
APT::Install-Recommends "false";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "";
Acquire::Languages "none";
`;
}
