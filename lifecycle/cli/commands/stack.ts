import { resolve } from "node:path";
import { TspackError } from "../../errors.ts";
import { localSources } from "../../platform/builder/local-parts.ts";
import { defaultNames } from "../../platform/builder/default-builder.ts";
import { localStack } from "../../platform/builder/local-parts.ts";
import { formatBytes } from "../progress.ts";
import { type CommonOptions, familiarName, imageArgument, openToolbox, type TspackHost } from "../toolbox.ts";

/** Options of `tspack stack create`. */
export interface StackOptions extends CommonOptions {
  readonly run?: string;
  readonly build?: string;
  readonly update?: boolean;
  readonly publish?: boolean;
  readonly mirror?: string;
  readonly json?: boolean;
}

/** `tspack stack create`: run and build image of distribution packages. */
export async function createStackCommand(
  host: TspackHost,
  [name = "bookworm"]: readonly string[],
  options: StackOptions,
): Promise<void> {
  const toolbox = openToolbox(host, options);
  const { ctx, local, registries } = toolbox;
  const sources = localSources(toolbox, options.mirror);
  const isFile = name.includes("/") || name.endsWith(".toml");
  const stackFile = isFile ? resolve(host.cwd, name) : resolve(host.packageRoot, "stacks", name, "stack.toml");
  if (options.publish === true && (options.run === undefined || options.build === undefined)) {
    throw new TspackError("INVALID_ARGUMENTS", "--publish needs the names of both images", {
      hint: "give --run IMAGE and --build IMAGE",
    });
  }
  const short =
    name
      .replace(/\/stack\.toml$|\.toml$/, "")
      .split("/")
      .at(-1) ?? name;
  const refs = {
    run: imageArgument(options.run ?? defaultNames.run.replace("bookworm", short), "--run"),
    build: imageArgument(options.build ?? `tspack.local/build:${short}`, "--build"),
  };
  const stack = await localStack(sources, stackFile, { update: options.update === true }, await toolbox.blobs(), ctx);
  const sink = options.publish === true ? registries : local;
  for (const kind of ["run", "build"] as const) {
    const { digest } = await sink.write(stack[kind], [refs[kind]], { ctx });
    const { value } = await stack[kind].manifest();
    const size = value.layers.reduce((sum, layer) => sum + layer.size, 0);
    const { packages: locked } = kind === "run" ? stack.lock : stack.buildLock;
    const packages = locked.filter(({ image }) => kind === "build" || image === "run").length;
    if (options.json === true)
      host.stdout(`${JSON.stringify({ kind, name: familiarName(refs[kind]), digest, size, packages })}\n`);
    else
      host.stdout(
        `${kind.padEnd(5)} ${familiarName(refs[kind])}  ${formatBytes(size)}, ${packages} packages\n      ${digest}\n`,
      );
  }
}
