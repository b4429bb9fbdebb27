import { join } from "node:path";
import { type Stage, step, type Step } from "./step.ts";

const digest = /sha256:[0-9a-f]{64}/;

/** Everything that needs neither an engine nor a registry. */
export function withoutEngine(stage: Stage): readonly Step[] {
  const { app, builder, builderToml, extension, out } = stage;
  const name = "e2e/all";
  const tar = join(out, "all.tar");
  const buildpack = join(out, "new");
  return [
    step("detect", ["--path", app, "--builder", builder], /test\/scripted/),
    step("build", [name, "--path", app, "--builder", builder], /Built e2e\/all\n/),
    step("run", [name], /it runs/),
    step("inspect", [name], /test\/scripted/),
    step("sbom download", [name, "--output-dir", join(out, "sbom")], /layers\/sbom\/launch\//),
    step("rebase", ["--plan", name], /Nothing to do for e2e\/all/),
    step("rebase", [name], /Rebased e2e\/all/),
    step("images list", [], /^e2e\/all:latest +sha256:/m),
    step("images export", [name, "--output", tar], /Exported e2e\/all/),
    step("images rm", [name], /^$/),
    step("images import", [tar], /Imported e2e\/all:latest/),
    step("images prune", ["--older-than", "365d"], /Removed 0 blobs/),
    step("cache list", [], /KIND +SIZE/),
    step("cache prune", ["--dry-run", "--older-than", "365d"], /would|nothing/i),
    step("builder create", ["e2e/all-builder", "--config", builderToml], digest),
    step("builder inspect", ["e2e/all-builder"], /test\/scripted/),
    step("builder suggest", [], /tspack\.local\/builder/),
    step("buildpack new", ["my/all", "--path", buildpack], /Made buildpack my\/all@1\.0\.0/),
    step(
      "buildpack package",
      [`${buildpack}.cnb`, "--format", "file", "--path", buildpack],
      /Packaged buildpack my\/all/,
    ),
    step("buildpack inspect", [`${buildpack}.cnb`], /my\/all/),
    step("extension package", ["e2e/all-extension", "--path", extension], /Packaged extension my\/ext/),
    step("extension inspect", [extension], /my\/ext/),
    step("stack create", ["bookworm", "--run", "e2e/all-run", "--build", "e2e/all-build"], /^run +e2e\/all-run/m),
    step("stack lock", ["bookworm", "--output", join(out, "lock.json")], /\d+ packages/),
    step("stack diff", ["bookworm", "--lock", join(out, "lock.json")], /No package changed/),
    step(
      "stack update",
      ["bookworm", "--lock", join(out, "lock.json"), "--run", "e2e/all-run", "--build", "e2e/all-build"],
      /No package changed/,
    ),
    step("completion", ["bash"], /complete .*tspack/),
    step("doctor", [], /sandbox/),
    step("report", [], /tspack/i),
    step("version", [], /^\d+\.\d+\.\d+/),
    ...settings(out, builder),
  ];
}

/** Settings, in a home that nothing else uses. */
function settings(out: string, builder: string): readonly Step[] {
  const env = { TSPACK_HOME: join(out, "home") };
  const config = (command: string, args: readonly string[], shows: RegExp): Step =>
    step(`config ${command}`, args, shows, { env });
  return [
    config("default-builder", [builder], /Set default-builder/),
    config("pull-policy", ["never"], /Set pull-policy/),
    config("lifecycle-image", ["registry.example.com/lifecycle:1"], /Set lifecycle-image/),
    config("runner", ["sandbox"], /Set runner/),
    config("debian-mirror", ["https://mirror.example.com/debian"], /Set debian-mirror/),
    config("experimental", ["true"], /enabled/),
    config("run-image-mirrors add", ["run", "--mirror", "mirror.example.com/run"], /mirror\.example\.com\/run/),
    config("run-image-mirrors set", ["run", "--mirror", "mirror.example.com/run"], /mirror\.example\.com\/run/),
    config("run-image-mirrors list", [], /mirror\.example\.com\/run/),
    config("run-image-mirrors remove", ["run"], /Removed/),
    config("registry-mirrors add", ["docker.io", "--mirror", "mirror.example.com"], /mirror\.example\.com/),
    config("registry-mirrors list", [], /docker\.io/),
    config("registry-mirrors remove", ["docker.io"], /Removed/),
    config("trusted-builders add", [builder], /trusted/),
    config("trusted-builders list", [], new RegExp(builder)),
    config("trusted-builders remove", [builder], /no longer/),
    config("registries add", ["ours", "https://git.example.com/index", "--default"], /ours/),
    config("registries list", [], /^\* ours$/m),
    config("registries default", ["official"], /official/),
    config("registries remove", ["ours"], /Removed/),
    step("buildpack yank", ["my/all@1.0.0"], /^https:\/\/\S+title=YANK/m),
    config("list", [], /pull-policy +never/),
    config("pull-policy", ["--unset"], /Unset pull-policy/),
  ];
}

/** Everything that reads or writes a registry, which wants a password. */
export function withRegistry(stage: Stage, host: string, password: string): readonly Step[] {
  const { app, builder, builderToml, extension, out } = stage;
  const name = `${host}/e2e/all`;
  const list = `${host}/e2e/list`;
  const buildpack = `${host}/e2e/buildpack`;
  return [
    step("login", [host, "--username", "ada", "--password-stdin"], /Logged in/, { input: password }),
    step("build", [name, "--path", app, "--builder", builder, "--publish"], /Built 127/),
    step("inspect", [name], /test\/scripted/),
    step("sbom download", ["--remote", name, "--output-dir", join(out, "remote-sbom")], /layers\/sbom\/launch\//),
    step("images pull", [name, "e2e/pulled"], /Pulled e2e\/pulled/),
    step("images push", ["e2e/pulled", `${host}/e2e/pushed`], /Pushed /),
    step("rebase", ["--publish", name, "--run-image", "tspack.local/run:bookworm"], /Rebased /),
    step("builder create", [`${host}/e2e/builder`, "--config", builderToml, "--publish"], digest),
    step("builder inspect", [`${host}/e2e/builder`], /test\/scripted/),
    step("buildpack package", [buildpack, "--path", join(builderToml, "../scripted"), "--publish"], /Packaged/),
    step("buildpack pull", [`docker://${buildpack}`], /test\/scripted@1\.0\.0/),
    step("buildpack register", [buildpack], /^https:\/\/\S+title=ADD\+test%2Fscripted/m),
    step("buildpack inspect", [`docker://${buildpack}`], /test\/scripted/),
    step("extension package", [`${host}/e2e/extension`, "--path", extension, "--publish"], /Packaged/),
    step("extension inspect", [`docker://${host}/e2e/extension`], /my\/ext/),
    step("manifest create", [list, name], /Created/),
    step("manifest add", [list, `${host}/e2e/builder`], /Added/),
    step("manifest annotate", [list, name, "--variant", "v2"], /Annotated/),
    step("manifest inspect", [list], /"variant": "v2"/),
    step("manifest remove", [list, `${host}/e2e/builder`], /Removed/),
    step("manifest push", [list], digest),
    step("manifest rm", [list], /Removed/),
    step("doctor", ["--registry", host], new RegExp(host)),
    step("logout", [host], /Logged out/),
  ];
}

/** Everything that can work on the images of an engine, and with a registry beside it that wants no password. */
export function withEngine(stage: Stage, engine: string, host: string): readonly Step[] {
  const { app, builder, out } = stage;
  const slug = engine.toLowerCase().replaceAll(/[^a-z]+/g, "-");
  const name = `e2e/all-${slug}`;
  // A bridge of its own takes more than a test machine may give.
  const build = [name, "--path", app, "--builder", builder, "--network", "host"];
  return [
    step("build", [...build, "--runner", "engine", "--output", "engine"], new RegExp(`Built ${name}\n`)),
    step("build", [...build, "--runner", "engine", "--trust-builder", "--output", "engine"], /reused/),
    step("build", [...build, "--runner", "sandbox", "--output", "engine"], /reused/),
    step("inspect", [name], /test\/scripted/),
    step("sbom download", [name, "--output-dir", join(out, "engine-sbom")], /layers\/sbom\/launch\//),
    step(
      "rebase",
      ["--plan", name, "--output", "engine", "--run-image", "tspack.local/run:bookworm"],
      /Nothing to do|Would rebase/,
    ),
    step("rebase", [name, "--output", "engine", "--run-image", "tspack.local/run:bookworm"], /Rebased /),
    step("run", [name], /it runs/),
    step("images export", [name, "--output", join(out, `${slug}.tar`)], new RegExp(`Exported ${name}`)),
    step("images import", [join(out, `${slug}.tar`), `${name}-imported`], new RegExp(`Imported ${name}-imported`)),
    step("images rm", [`${name}-imported`], /^$/),
    step("images push", [name, `${host}/pushed/${slug}`], /Pushed /),
    step("inspect", [`${host}/pushed/${slug}`], /test\/scripted/),
    ...published(build.slice(1), `${host}/built/${slug}`, out),
    ...ownParts(stage, name),
    step("cache list", [], /KIND +SIZE/),
    step("doctor", ["--json"], /docker\.sock/),
  ];
}

/** An image that containers of the engine send to a registry. */
function published(build: readonly string[], name: string, out: string): readonly Step[] {
  const run = name.replace(/built.*/, "run");
  return [
    step("images push", ["tspack.local/run:bookworm", run], /Pushed /),
    step("build", [name, ...build, "--runner", "engine", "--publish", "--run-image", run], /Built 127/),
    step("rebase", ["--publish", name, "--run-image", "tspack.local/run:bookworm"], /Rebased /),
    step("sbom download", ["--remote", name, "--output-dir", join(out, "published-sbom")], /layers\/sbom\/launch\//),
    step("images pull", [name, "e2e/from-engine"], /Pulled e2e\/from-engine/),
    step("images rm", ["e2e/from-engine"], /^$/),
  ];
}

/** Builders and packages that are in the engine and nowhere else. */
function ownParts({ app, builderToml, extension }: Stage, name: string): readonly Step[] {
  const inEngine = ["--output", "engine"];
  const scripted = join(builderToml, "../scripted");
  return [
    step("builder create", [`${name}-builder`, "--config", builderToml, ...inEngine], digest),
    step("builder inspect", [`${name}-builder`], /test\/scripted/),
    step("builder suggest", [], /tspack\.local\/builder/),
    step("detect", ["--path", app, "--builder", `${name}-builder`], /test\/scripted/),
    step(
      "build",
      ["e2e/from-engine", "--path", app, "--builder", `${name}-builder`, "--dry-run"],
      /Planned e2e\/from-engine/,
    ),
    step("buildpack package", [`${name}-buildpack`, "--path", scripted, ...inEngine], /Packaged buildpack/),
    step("buildpack inspect", [`docker://${name}-buildpack`], /test\/scripted/),
    step("extension package", [`${name}-extension`, "--path", extension, ...inEngine], /Packaged extension/),
    step("extension inspect", [`docker://${name}-extension`], /my\/ext/),
    step("images list", [], new RegExp(`^(?![^]*${name})`)),
    step("images list", ["--docker-host", "inherit"], new RegExp(`${name}-buildpack:latest .*\\(\\w+ .* at `)),
    step("images rm", ["--docker-host", "inherit", `${name}-buildpack`], /^$/),
    step("images list", ["--docker-host", "inherit"], new RegExp(`^(?![^]*${name}-buildpack)`)),
  ];
}
