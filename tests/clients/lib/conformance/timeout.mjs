/** A test that waits longer than this fails. */
const timeoutMs = 20_000;

/** Returns the value of the promise, or throws an error that names what did not arrive in time. */
export function withTimeout(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
