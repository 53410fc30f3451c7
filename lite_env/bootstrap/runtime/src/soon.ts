/** What `something` gives; where nothing comes within `ms` milliseconds, what `late` gives or throws. */
export async function soon<T>(something: Promise<T>, ms: number, late: () => T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<T>((resolve, reject) => {
    timer = setTimeout(() => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    }, ms);
  });
  return Promise.race([something, over]).finally(() => clearTimeout(timer));
}
