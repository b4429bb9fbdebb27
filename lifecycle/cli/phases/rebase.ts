import { writeTextFile } from "../../phases/files.ts";
import { encodeReport } from "../../cnb/files/report.ts";
import { rebaseImage } from "../../phases/rebase.ts";
import { dropPrivileges } from "./privileges.ts";
import { invalidArguments, type PhaseRun } from "./session.ts";
import { openStores, outputReferences, reference } from "./stores.ts";

/** `rebaser`: puts the app image on another run image. Platform specification, rebaser. */
export const runRebase: PhaseRun = async (session) => {
  const { features, options, args, given, ctx } = session;
  if (args.length === 0)
    throw invalidArguments(
      "parse arguments: at least one image argument is required",
      "name the app image, after all flags",
    );
  if (given.has("image") && given.has("run-image")) {
    throw invalidArguments("resolve inputs: supply only one of -run-image or (deprecated) -image", "leave -image out");
  }
  const outputImages = outputReferences(args, session);
  const [output] = outputImages;
  if (output === undefined) throw invalidArguments("resolve inputs: image argument is required");
  const runImage = options.image === "" ? options.runImage : options.image;
  const stores = await openStores(session);
  dropPrivileges(session);
  const result = await rebaseImage(
    {
      features,
      appImage: options.previousImage === "" ? output : reference(options.previousImage, "-previous-image"),
      outputImages,
      runImage: runImage === "" ? undefined : reference(runImage, "-run-image"),
      force: options.force,
      layoutDir: stores.layoutDir,
    },
    { images: stores.images, sink: stores.images, access: stores.access, ctx },
  );
  writeTextFile(options.report, encodeReport(result.report));
};
