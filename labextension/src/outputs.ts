/**
 * Other people's outputs, rendered by JupyterLab as untrusted.
 *
 * Only the types of an allow list are rendered, by a registry of their own:
 * other extensions' renderers decide for themselves what is safe, these do not.
 */
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { IRenderMimeRegistry, RenderMimeRegistry } from '@jupyterlab/rendermime';
import { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { IOutput } from '@jupyterlab/nbformat';
import { Widget } from '@lumino/widgets';

const ALLOWED: readonly string[] = [
  'application/json',
  'application/vnd.jupyter.error',
  'application/vnd.jupyter.stderr',
  'application/vnd.jupyter.stdout',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'text/html',
  'text/latex',
  'text/markdown',
  'text/plain'
];

/** A registry that renders what is allowed here as `source` does, and nothing else. */
export function restricted(source: IRenderMimeRegistry): RenderMimeRegistry {
  const registry = new RenderMimeRegistry({
    sanitizer: strict(source.sanitizer),
    ...(source.latexTypesetter ? { latexTypesetter: source.latexTypesetter } : {}),
    ...(source.markdownParser ? { markdownParser: source.markdownParser } : {})
  });
  for (const type of ALLOWED) {
    const factory = source.getFactory(type);
    if (factory) {
      registry.addFactory(
        {
          safe: factory.safe,
          mimeTypes: [type],
          createRenderer: options => factory.createRenderer(options)
        },
        source.getRank(type)
      );
    }
  }
  return registry;
}

/** A widget that shows nbformat outputs, untrusted. */
export function outputsWidget(
  outputs: readonly object[],
  rendermime: IRenderMimeRegistry
): Widget {
  const model = new OutputAreaModel({
    values: outputs as IOutput[],
    trusted: false
  });
  const widget = new SimplifiedOutputArea({ model, rendermime });
  widget.disposed.connect(() => model.dispose());
  return widget;
}

/**
 * `base`, and on top of it: no links to commands, which JupyterLab's own
 * sanitizer lets through, no forms, and no images from elsewhere, which would
 * tell their server who looks at the run.
 */
function strict(base: IRenderMime.ISanitizer): IRenderMime.ISanitizer {
  return {
    allowNamedProperties: false,
    allowCommandLinker: false,
    getAutolink: () => base.getAutolink?.() ?? true,
    sanitize: (dirty, options) => {
      const page = new DOMParser().parseFromString(
        base.sanitize(dirty, options),
        'text/html'
      );
      for (const node of page.body.querySelectorAll('*')) {
        node.removeAttribute('data-commandlinker-command');
        node.removeAttribute('data-commandlinker-args');
      }
      for (const image of page.body.querySelectorAll('img, source, video, audio')) {
        image.removeAttribute('srcset');
        image.removeAttribute('poster');
        if (!/^data:image\//i.test(image.getAttribute('src') ?? '')) {
          image.removeAttribute('src');
        }
      }
      for (const form of page.body.querySelectorAll('form')) {
        form.replaceWith(...form.childNodes);
      }
      return page.body.innerHTML;
    }
  };
}
