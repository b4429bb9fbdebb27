// Prints what package.json wants and the lock file was not made for, after an installation that failed for it:
//   node differences.mjs APPLICATION LOCK
import { lockedRange } from "./lock.mjs";
import { manifestDifferences } from "./manifest-differences.mjs";

const [application, lock] = process.argv.slice(2);
process.stdout.write(manifestDifferences(application, (...wanted) => lockedRange(lock, ...wanted)));
