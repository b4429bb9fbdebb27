import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { TspackError } from "../../errors.ts";
import type { Place } from "../../layers/place.ts";
import { downloadTree, uploadTree } from "../engine/archives.ts";
import { runContainer } from "../engine/containers.ts";
import type { EngineSession } from "../engine/session.ts";
import { removeTree } from "../rootfs.ts";
import { homeOf } from "../rootfs-files.ts";
import {
  checkPhaseExit,
  phaseEnvironment,
  phaseOutput,
  phasePrograms,
  type Runner,
  type RunnerJob,
  type UntrustedPhase,
} from "./runner.ts";

/** What running phases in containers takes. */
export interface EngineRunnerOptions {
  /** `engine (Docker 27.1 at …)` */
  readonly name: string;
  readonly session: EngineSession;
  /** The builder's image, which the engine has. */
  readonly image: string;
  /** A network that the person named; a bridge of the build's own when absent. */
  readonly network: string | undefined;
  /** `--volume`. */
  readonly binds: readonly string[];
}

/**
 * Runs detect and build in containers of an engine, and all that needs credentials outside of them.
 * The directories are copied in and out, so the engine may be on another machine, and the result
 * is that of the sandbox. For images that the engine is not to keep. DESIGN §7.
 */
export function engineRunner(options: EngineRunnerOptions): Runner {
  let network: Promise<string> | undefined;
  const networkOf = (job: RunnerJob): Promise<string> => {
    if (!job.network) return Promise.resolve("none");
    return (network ??= options.network === undefined ? options.session.network() : Promise.resolve(options.network));
  };
  return {
    name: options.name,
    directories: (work) => ({
      app: join(work, "app"),
      layers: join(work, "layers"),
      platform: { path: join(work, "platform"), name: "/platform" },
      keep: false,
    }),
    run: async (phase, job, ctx) => {
      try {
        await runInContainer(phase, job, await networkOf(job), options, ctx);
      } catch (error) {
        throw ctx.signal.aborted ? new TspackError("CANCELED", "canceled", { cause: error }) : error;
      }
    },
  };
}

async function runInContainer(
  phase: UntrustedPhase,
  job: RunnerJob,
  network: string,
  { session, image, binds }: EngineRunnerOptions,
  ctx: Context,
): Promise<void> {
  const { builder, app, layers, platform } = job;
  const { engine } = session;
  const { uid, gid } = builder.user;
  const id = await session.container(phase === "detect" ? "detector" : "builder", {
    image,
    command: [phasePrograms[phase], "-app", app.name, "-layers", layers.name, "-platform", platform.name],
    user: `${uid}:${gid}`,
    confined: true,
    network,
    binds,
    env: phaseEnvironment(job, homeOf(builder.rootfs, uid)),
  });
  const trees = [
    ...[app, layers].map(({ path, name }) => ({ source: path, target: name, owner: builder.user })),
    { source: platform.path, target: platform.name, owner: root },
    ...job.additions.map((addition) => ({ ...addition, owner: root })),
  ];
  for (const tree of trees) await uploadTree(engine, id, tree, ctx.signal);
  const lines = phaseOutput(job);
  const status = await runContainer(engine, id, (stream, bytes) => lines.push(bytes, stream), ctx.signal);
  lines.end();
  checkPhaseExit(phase, status);
  // Detecting is allowed to write, too; what it wrote is there for the next phase.
  for (const place of [app, layers]) await replace(place, id, session, ctx);
  await session.removeContainer(id);
}

const root = { uid: 0, gid: 0 };

/** Takes a directory of a container in the place of the one that was copied in. */
async function replace({ path, name }: Place, id: string, { engine }: EngineSession, ctx: Context): Promise<void> {
  const fresh = `${path}.new`;
  await mkdir(fresh, { mode: 0o700 });
  await downloadTree(engine, id, name, fresh, ctx.signal);
  await removeTree(path);
  await rename(join(fresh, name.split("/").at(-1) ?? ""), path);
  await removeTree(fresh);
}
