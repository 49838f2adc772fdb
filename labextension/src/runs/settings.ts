/**
 * The look of the list, kept in the reader's settings.
 */
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { ILook, PLAIN } from './look';
import { RunsModel } from './model';

const KEYS = Object.keys(PLAIN) as (keyof ILook)[];
/** Dragging an edge changes a width many times a second. */
const REST_MS = 400;

/** Look as the settings say, and write down what the reader changes. */
export async function remember(
  registry: ISettingRegistry | null,
  plugin: string,
  model: RunsModel
): Promise<void> {
  const settings = await registry?.load(plugin).catch(() => undefined);
  if (!settings) {
    return;
  }
  const take = () => {
    const found = settings.composite as unknown as Partial<ILook>;
    const look = { ...PLAIN, ...found };
    if (KEYS.some(key => JSON.stringify(look[key]) !== JSON.stringify(model.look[key]))) {
      model.takeLook(look);
    }
  };
  take();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writing = false;
  settings.changed.connect(() => !writing && take());
  model.lookChanged.connect((_, look) => {
    clearTimeout(timer);
    writing = true;
    timer = setTimeout(() => {
      const writes = KEYS.filter(
        key => JSON.stringify(settings.composite[key]) !== JSON.stringify(look[key])
      ).map(key => settings.set(key, look[key] as never));
      void Promise.allSettled(writes).then(() => {
        writing = false;
      });
    }, REST_MS);
  });
}
