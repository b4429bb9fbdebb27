import { release } from "node:os";
import { versionText } from "../../distribution/version.ts";
import { TspackError } from "../../errors.ts";
import { parseReference } from "../../oci/reference.ts";
import type { Finding } from "../../platform/doctor/finding.ts";
import { mavenFindings } from "../../platform/doctor/maven.ts";
import { certificateFindings, proxyFindings } from "../../platform/doctor/network.ts";
import { placeFindings } from "../../platform/doctor/places.ts";
import { registryFindings } from "../../platform/doctor/registries.ts";
import { namespaceFindings, programFindings, runnerFindings } from "../../platform/doctor/runners.ts";
import { readDockerConfigFile, registriesOf } from "../../platform/login/docker-config-file.ts";
import { placesFrom } from "../../platform/places.ts";
import { noSettings, readSettings, type Settings } from "../../platform/settings.ts";
import { dockerConfigPath } from "../../stores/docker-places.ts";
import { palette } from "../console.ts";
import { checkInsecureRegistries, checkRegistryHosts } from "../network-access.ts";
import { extraCertificates, proxiesFrom, registryClientOptions } from "../registry-access.ts";
import { type CommonOptions, commandContext, ExitWith, type TspackHost } from "../toolbox.ts";

/** Options of `tspack doctor`. */
export interface DoctorOptions extends CommonOptions {
  readonly registry?: readonly string[];
  readonly json?: boolean;
}

/** `tspack doctor`: what this machine can do. Ends with 1 when builds are not possible. */
export async function doctor(host: TspackHost, _args: readonly string[], options: DoctorOptions): Promise<void> {
  checkInsecureRegistries(options.insecureRegistry ?? []);
  checkRegistryHosts(options.registry ?? [], "--registry");
  const findings = await findingsOf(host, options);
  const isFine = findings.every(({ state }) => state !== "failed");
  if (options.json === true)
    host.stdout(`${JSON.stringify({ version: versionText, ok: isFine, findings }, undefined, 2)}\n`);
  else host.stdout(doctorText(findings, host.color && options.color !== false));
  if (!isFine) throw new ExitWith(1);
}

async function findingsOf(host: TspackHost, options: DoctorOptions): Promise<readonly Finding[]> {
  const places = placesFrom(host.env);
  const settings = readableSettings(places.config);
  const [runners, programs, found, registries] = await Promise.all([
    runnerFindings(host, host.signal),
    programFindings(host),
    placeFindings(places),
    attempt("registry", () => registriesFindings(host, options, settings)),
  ]);
  return [
    machineFinding(host),
    ...runners,
    ...namespaceFindings(),
    ...programs,
    ...found,
    ...registries,
    ...(await attempt("certificates", () => certificateFindings(extraCertificates(host.env), new Date()))),
    ...proxyFindings(proxiesFrom(host.env)),
    ...(await mavenFindings(host.env)),
  ];
}

/** The oldest Node that tspack runs with; package.json, engines. */
const oldestNode = [20, 18] as const;

function machineFinding({ uid }: TspackHost): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  const detail = `tspack ${versionText}, Node ${process.versions.node}, ${process.platform}/${process.arch} ${release()}, user ${uid}`;
  const common = { area: "machine", name: "versions", detail };
  return isNew
    ? { ...common, state: "ok" }
    : { ...common, state: "failed", remedy: `update Node to ${oldestNode.join(".")} or newer` };
}

/** A broken file is a finding of its own. */
function readableSettings(path: string): Settings {
  try {
    return readSettings(path);
  } catch {
    return noSettings;
  }
}

/** What can not even be looked at is a finding as well. */
async function attempt(
  area: string,
  look: () => readonly Finding[] | Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
    return [{ area, name: "configuration", state: "failed", detail: error.message, remedy: error.hint }];
  }
}

async function registriesFindings(
  host: TspackHost,
  options: DoctorOptions,
  settings: Settings,
): Promise<readonly Finding[]> {
  const ctx = commandContext(host, { ...options, quiet: true });
  const path = dockerConfigPath(host.env);
  const known = path === undefined ? [] : registriesOf(await readDockerConfigFile(path));
  const mirrors = [...settings.registryMirrors.values()].map((mirror) => mirror.split("/")[0] ?? mirror);
  const builder = settings.defaultBuilder === undefined ? [] : registryOf(settings.defaultBuilder);
  return registryFindings([...new Set([...(options.registry ?? []), ...known, ...mirrors, ...builder])], {
    ...registryClientOptions({ env: host.env, insecureRegistries: options.insecureRegistry ?? [], ctx }),
    // Nobody waits minutes to be told that a registry is away.
    retry: { attempts: 1, delay: 0, longest: 0 },
  });
}

function registryOf(builder: string): readonly string[] {
  return builder.startsWith("oci:") || builder.endsWith(".toml") ? [] : [parseReference(builder).registry];
}

const marks = { ok: "ok", warning: "warn", failed: "FAIL" } as const;

function doctorText(findings: readonly Finding[], color: boolean): string {
  const { good, warn, error, dim } = palette(color);
  const paints = { ok: good, warning: warn, failed: error } as const;
  const width = Math.max(...findings.map(({ area, name }) => area.length + name.length + 1));
  return findings
    .map(({ area, name, state, detail, remedy }) => {
      const row = `${paints[state](marks[state].padEnd(5))} ${`${area} ${name}`.padEnd(width)}  ${detail}\n`;
      return remedy === undefined || state === "ok" ? row : `${row}${dim(`        do: ${remedy}`)}\n`;
    })
    .join("");
}
