// @ts-check
// The treemap of a size report and the table that goes with it: package → folder → file. Written by hand, as it is here
// it runs in the page. What comes from packages is only ever put in as text.
'use strict';

(() => {
  /** @typedef {[name: string, size: number, packed: number, load: number]} File what a file is in the data */
  /** @typedef {[name: string, inside: (File | Folder)[]]} Folder what a package or folder is in the data */
  /** @typedef {{name: string, parent: Item | null, inside: Item[] | null, files: number, figures: number[][]}} Item
   *  `figures` has a row for each time of loading: bytes unpacked, bytes packed. */
  /** @typedef {{x: number, y: number, width: number, height: number}} Box in pixels */

  const LOADS = ['own', 'interpreter', 'kernel', 'import', 'demand'];
  const WORDS = ["start: kernel's own files", 'start: interpreter', 'start: kernel', 'before an import', 'when opened'];
  const BEFORE_FIRST_CELL = 3; // the first of them
  const LABEL = 22;
  const [SMALLEST_NAMED, SMALLEST_OPENED, SMALLEST_FRAMED, SMALLEST_DRAWN] = [34, 40, 7, 2];

  /** @param {string} id */
  const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
  /** @type {{name: string, kind: 'lock' | 'pack', packages: (File | Folder)[]}} */
  const data = JSON.parse(element('data').textContent ?? '');
  const map = element('map');
  const root = item([data.name, data.packages], null);
  let place = root;
  let measure = 1;
  let before = LOADS.length;

  /** @param {File | Folder} from @param {Item | null} parent @returns {Item} */
  function item(from, parent) {
    const figures = LOADS.map(() => [0, 0]);
    if (from.length === 4) {
      figures[from[3]] = [from[1], from[2]];
      return { name: from[0], parent, inside: null, files: 1, figures };
    }
    /** @type {Item} */
    const folder = { name: from[0], parent, inside: [], files: 0, figures };
    folder.inside = from[1].map((each) => item(each, folder));
    for (const each of folder.inside) {
      folder.files += each.files;
      each.figures.forEach((row, load) => row.forEach((bytes, which) => (figures[load][which] += bytes)));
    }
    return folder;
  }

  /** Bytes of what is looked at. @param {Item} of @param {number} [which] @param {number} [until] */
  function bytes(of, which = measure, until = before) {
    return of.figures.slice(0, until).reduce((sum, row) => sum + row[which], 0);
  }

  /** As the text report has it. @param {number} size */
  function text(size) {
    if (size < 1000) return `${size} B`;
    if (size < 100000) return `${(size / 1000).toFixed(1)} kB`;
    return size < 1000000 ? `${(size / 1000).toFixed(0)} kB` : `${(size / 1000000).toFixed(2)} MB`;
  }

  /** @param {Item} of */
  function seen(of) {
    const some = (of.inside ?? []).filter((each) => bytes(each) > 0);
    return some.sort((a, b) => bytes(b) - bytes(a) || (a.name < b.name ? -1 : 1));
  }

  /** When most of its bytes are loaded. @param {Item} of */
  function load(of) {
    const rows = of.figures.slice(0, before).map((row) => row[measure]);
    return rows.indexOf(Math.max(...rows));
  }

  /**
   * Squarified treemap (Bruls, Huizing, van Wijk 2000): rows along the shorter side, each as long as its cells get squarer.
   * @param {Item[]} items the largest first @param {Box} box @returns {[Item, Box][]}
   */
  function squarify(items, box) {
    /** @type {[Item, Box][]} */
    const placed = [];
    let { x, y, width, height } = box;
    let rest = items.reduce((sum, each) => sum + bytes(each), 0);
    for (let first = 0; first < items.length && width > 0 && height > 0; ) {
      const side = Math.min(width, height);
      const scale = (width * height) / rest;
      let [sum, end, best] = [0, first, Infinity];
      while (end < items.length) {
        const more = sum + bytes(items[end]);
        const thick = (more * scale) / side;
        const worst = Math.max(
          (thick * thick) / (bytes(items[end]) * scale),
          (bytes(items[first]) * scale) / (thick * thick),
        );
        if (worst > best) break;
        [sum, best, end] = [more, worst, end + 1];
      }
      const thick = (sum * scale) / side;
      let at = 0;
      for (const each of items.slice(first, end)) {
        const long = (bytes(each) * scale) / thick;
        const inside = width < height ? { x: x + at, y, width: long, height: thick } : { x, y: y + at, width: thick, height: long };
        placed.push([each, inside]);
        at += long;
      }
      if (width < height) [y, height] = [y + thick, height - thick];
      else [x, width] = [x + thick, width - thick];
      [rest, first] = [rest - sum, end];
    }
    return placed;
  }

  /** @param {HTMLElement} made @param {Box} box */
  function put(made, box) {
    Object.assign(made.style, { left: `${box.x}px`, top: `${box.y}px`, width: `${box.width}px`, height: `${box.height}px` });
  }

  /** @param {string} tag @param {string} [words] @param {string} [kind] */
  function make(tag, words = '', kind = '') {
    const made = document.createElement(tag);
    made.textContent = words;
    if (kind) made.className = kind;
    return made;
  }

  /** Draw what lies in a cell, as deep as it can be seen. @param {HTMLElement} cell @param {Item} of @param {Box} box */
  function preview(cell, of, box) {
    for (const [each, inside] of squarify(seen(of), box)) {
      if (inside.width < SMALLEST_DRAWN || inside.height < SMALLEST_DRAWN) continue;
      if (each.inside && inside.width > SMALLEST_OPENED && inside.height > SMALLEST_OPENED) {
        preview(cell, each, inside);
        continue;
      }
      const named = inside.width > 48 && inside.height > 20;
      const leaf = make('i', named ? each.name.slice(each.name.lastIndexOf('/') + 1) : '', LOADS[load(each)]);
      if (inside.width < SMALLEST_FRAMED || inside.height < SMALLEST_FRAMED) leaf.classList.add('tiny');
      put(leaf, inside);
      cell.append(leaf);
    }
  }

  /** What is told of a package, folder or file. @param {Item} of */
  function told(of) {
    const names = [];
    for (let each = of; each.parent; each = each.parent) names.unshift(each.name);
    const parts = [`${text(bytes(of, 1))} ${data.kind === 'pack' ? 'packed' : 'to download'}`];
    if (data.kind === 'pack') {
      parts.push(`${text(bytes(of, 0))} unpacked`, ...(of.inside ? [`${of.files} files`] : []));
      of.figures.forEach((row, when) => row[1] && parts.push(`${text(row[1])} ${WORDS[when]}`));
    }
    return `${names.join(' / ') || of.name}: ${parts.join(', ')}`;
  }

  /** @param {Item} of @param {Box} box @param {number} number */
  function cell(of, box, number) {
    const opened = of.inside !== null && box.width > SMALLEST_OPENED && box.height > SMALLEST_OPENED;
    const made = /** @type {HTMLButtonElement} */ (make('button', '', 'cell'));
    made.type = 'button';
    made.tabIndex = number ? -1 : 0;
    made.classList.add(opened ? 'inner' : LOADS[load(of)]);
    if (of.inside && !opened) made.classList.add('small');
    made.setAttribute('aria-label', told(of));
    put(made, box);
    if (box.width > SMALLEST_NAMED && box.height > LABEL) {
      const label = make('span', '', 'label');
      label.append(make('b', of.name), ` ${text(bytes(of))}`);
      made.append(label);
    }
    if (opened) preview(made, of, { x: 3, y: LABEL, width: box.width - 8, height: box.height - LABEL - 5 });
    const tell = () => (element('told').textContent = told(of));
    made.addEventListener('mouseenter', tell);
    made.addEventListener('focus', tell);
    made.addEventListener('click', () => of.inside && enter(of));
    return made;
  }

  function draw() {
    const box = { x: 0, y: 0, width: map.clientWidth, height: map.clientHeight };
    map.replaceChildren(...squarify(seen(place), box).map(([each, inside], number) => cell(each, inside, number)));
    if (!map.children.length) map.append(make('p', 'Nothing of it is loaded then.', 'quiet'));
  }

  function drawPath() {
    const ways = [];
    for (let each = place.parent; each; each = each.parent) ways.unshift(each);
    element('path').replaceChildren(
      ...ways.flatMap((each) => {
        const button = /** @type {HTMLButtonElement} */ (make('button', each.name));
        button.type = 'button';
        button.addEventListener('click', () => go(each));
        return [button, make('span', '/', 'quiet')];
      }),
      make('span', place.name),
    );
  }

  function drawTable() {
    const pack = data.kind === 'pack';
    const heads = pack ? ['name', 'packed', 'unpacked', 'before the first cell', 'files'] : ['package', 'to download'];
    const head = document.createElement('tr');
    heads.forEach((word, number) => {
      const made = make('th', word, number ? 'figure' : '');
      made.setAttribute('scope', 'col');
      head.append(made);
    });
    const rows = seen(place).map((each) => {
      const row = document.createElement('tr');
      const name = make('td', each.inside ? '' : each.name);
      if (each.inside) {
        const button = /** @type {HTMLButtonElement} */ (make('button', each.name));
        button.type = 'button';
        button.addEventListener('click', () => enter(each));
        name.append(button);
      }
      const early = pack ? bytes(each, 1, BEFORE_FIRST_CELL) : 0;
      const figures = pack
        ? [text(bytes(each, 1)), text(bytes(each, 0)), text(early), `${each.files}`]
        : [text(bytes(each, 1))];
      row.append(name, ...figures.map((figure) => make('td', figure, 'figure')));
      return row;
    });
    const body = document.createElement('tbody');
    body.append(...rows);
    const top = document.createElement('thead');
    top.append(head);
    element('view').replaceChildren(top, body);
  }

  /** The one folder that is all that lies in a folder. @param {Item} of @returns {Item | null} */
  function only(of) {
    return of.inside?.length === 1 && of.inside[0].inside ? of.inside[0] : null;
  }

  /** Go into a package or folder, and on through folders that hold only another one. @param {Item} to */
  function enter(to) {
    let end = to;
    for (let next = only(end); next; next = only(end)) end = next;
    go(end);
  }

  /** The same in the other direction. */
  function leave() {
    let end = place.parent;
    while (end?.parent && only(end)) end = end.parent;
    if (end) go(end);
  }

  /** Show another package or folder; the keyboard stays in the map if it was there. @param {Item} to */
  function go(to) {
    const inMap = map.contains(document.activeElement);
    let from = place;
    place = to;
    show();
    if (!inMap) return;
    // Where it came from is marked, if that lies in what is shown.
    while (from.parent && from.parent !== place) from = from.parent;
    focus(/** @type {HTMLElement} */ (map.children[Math.max(seen(place).indexOf(from), 0)]));
  }

  function show() {
    element('told').textContent = told(place);
    draw();
    drawPath();
    drawTable();
  }

  /** @param {HTMLElement | undefined} to */
  function focus(to) {
    if (!(to instanceof HTMLButtonElement)) return;
    for (const each of map.querySelectorAll('.cell')) /** @type {HTMLElement} */ (each).tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }

  /** The cell next to the focused one in a direction. @param {Element} from @param {number} right @param {number} down */
  function next(from, right, down) {
    const middle = (/** @type {Element} */ of) => {
      const box = of.getBoundingClientRect();
      return [box.left + box.width / 2, box.top + box.height / 2];
    };
    const [x, y] = middle(from);
    let [found, nearest] = [/** @type {Element | undefined} */ (undefined), Infinity];
    for (const each of map.querySelectorAll('.cell')) {
      const [dx, dy] = [middle(each)[0] - x, middle(each)[1] - y];
      const [along, across] = right ? [dx * right, Math.abs(dy)] : [dy * down, Math.abs(dx)];
      if (each !== from && along > 0.5 && along + 2 * across < nearest) [found, nearest] = [each, along + 2 * across];
    }
    return /** @type {HTMLElement | undefined} */ (found);
  }

  /** @type {Record<string, [number, number]>} */
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  map.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const arrow = Object.hasOwn(ARROWS, event.key) ? ARROWS[event.key] : null;
    if (arrow && document.activeElement) focus(next(document.activeElement, ...arrow));
    else if ((event.key === 'Escape' || event.key === 'Backspace') && place.parent) leave();
    else return;
    event.preventDefault();
  });
  for (const input of document.querySelectorAll('input')) {
    input.addEventListener('change', () => {
      if (input.name === 'measure') measure = input.value === 'packed' ? 1 : 0;
      else before = input.value === 'boot' ? BEFORE_FIRST_CELL : LOADS.length;
      show();
    });
  }
  if (data.kind === 'pack') element('legend').append(...LOADS.map((kind, number) => make('li', WORDS[number], kind)));
  else for (const each of document.querySelectorAll('.of-packs')) /** @type {HTMLElement} */ (each).hidden = true;
  element('map-part').hidden = false;
  element('view-part').hidden = false;
  show();
  let width = map.clientWidth;
  new ResizeObserver(() => {
    if (map.clientWidth === width) return;
    width = map.clientWidth;
    draw();
  }).observe(map);
})();
