// The board: starts, connects the models with the parts of the page, and keeps what the user has chosen.
import {html, render} from './vendor/lit-html.js';
import {ArrayView, arraySummary, renderLegend} from './array.js';
import {doctorView} from './doctor.js';
import {headView} from './heads.js';
import {headerView} from './header.js';
import {headlineView, isActive, longestWait, spokenHeadline} from './headline.js';
import {showHelp} from './help.js';
import {onKey} from './keys.js';
import {connect} from './live.js';
import {asleepText, LoopView} from './loop.js';
import {machineView} from './machine.js';
import {Replay} from './replay.js';
import {setupView} from './setup.js';
import {kTabs, slotView} from './slot.js';
import {kRows, tableView} from './table.js';
import {renderLadder} from './ladder.js';
import {renderTimebar} from './timebar.js';
import {renderWaterfall} from './waterfall.js';
import {kVocabularies, setVocabulary, vocabulary, words} from './words.js';

const $ = id => document.getElementById(id);
const kTextMs = 250, kSlotMs = 300, kFollowMs = 2000, kSpokenMs = 5000, kDoctorMs = 1000, kTableMs = 500, kLoopMs = 100, kRequestsMs = 1000, kBudgetMs = 8;

class Board {
  constructor(live) {
    this.live = live;  // LiveModel; of a file, the RecordedModel
    this.model = live;
    Object.assign(this, {only: 0, selected: -1, followed: true, tab: kTabs[0], setupOpen: -1, table: false, tableRows: kRows, slotData: null, found: null});
    this.last = {};  // performance.now() of the last run of each part
    this.nextPart = 0;
    // Parts that change often: name, ms between two drawings, how they are drawn. What does not fit into an update's time
    // is drawn in the next one; one of them always is, however long the array has taken.
    this.parts = [['text', kTextMs, () => this.drawText()], ['time', kTextMs, () => renderTimebar($('time'), this.model, this.replay.actions)],
                  ['loop', kLoopMs, () => this.loop.update(this.model)], ['requests', kRequestsMs, () => this.drawRequests()], ['table', kTableMs, () => this.table && this.drawTable()]];
    this.ladder = document.createElement('div');
    this.ladder.className = 'ladder-box';
    this.array = new ArrayView($('array'), {onPick: slot => this.pick(slot)});
    this.loop = new LoopView($('loop'));
    this.replay = new Replay(this);
    new ResizeObserver(() => this.machineWidth = null).observe($('machine'));
  }

  // Shows another model: the proxy as it is now, or a recording.
  show(model) {
    this.unsubscribe?.();
    this.model = model;
    this.unsubscribe = model.subscribe(() => this.update());
    this.slotData = null;
    if (this.selected < 0) this.drawSlot();
    if (model.head !== null) this.refresh();  // else nothing is known yet
  }

  // Returns true at most once in `ms`; a recording changes only when the user moves in it, so always then.
  due(part, ms) {
    const now = performance.now();
    if (this.model.live && now - (this.last[part] ?? -Infinity) < ms) return false;
    this.last[part] = now;
    return true;
  }

  // Draws all parts again: after a choice of the user.
  refresh() {
    this.last = {};
    this.update();
  }

  update() {
    const {model} = this, began = performance.now();
    this.waits = longestWait(model);
    this.follow();
    if (!this.table) this.array.update(model, this.selected, this.only);
    let drawn = 0;
    for (let left = this.parts.length; left > 0; --left) {
      if (model.live && drawn > 0 && performance.now() - began > kBudgetMs && this.last.text) break;
      const [name, ms, draw] = this.parts[this.nextPart = (this.nextPart + 1) % this.parts.length];
      if (this.due(name, ms)) draw(), ++drawn;
    }
    if (this.due('doctor', kDoctorMs)) this.loadFindings();
    if (this.selected >= 0 && this.due('slot', kSlotMs)) this.loadSlot();
    if (this.due('spoken', kSpokenMs)) $('spoken').textContent = spokenHeadline(model, this.waits);
  }

  // As long as the user has chosen none, the slot that has waited longest is open. One with a request stays for a while, any
  // other is left at once for one with a request.
  follow() {
    const {model, selected} = this;
    if (!this.followed) return;
    const active = selected >= 0 && isActive(model, selected);
    if (!this.due('follow', active ? kFollowMs : 0)) return;
    const slot = this.waits.longest?.slot ?? (active ? selected : this.nextSlot());
    if (slot !== selected) this.open(slot);
  }

  // A slot with a request; else the one that is open, unless a viewer has it; else an idle one, or the last one of a recording. -1: none.
  nextSlot() {
    const {model, selected} = this, {state, flags} = model.cells;
    if (this.waits.first >= 0) return this.waits.first;
    if (selected >= 0 && !(flags[selected] & 4)) return selected;
    const idle = state.findIndex((each, i) => each !== 0 && !(flags[i] & 4));
    return idle < 0 && !model.live ? model.lastSlot : idle;
  }

  open(slot) {
    if (slot === this.selected) return;
    this.selected = slot;
    this.last.slot = -Infinity;
    this.replay.writeHash();
    if (slot >= 0) return;
    this.slotData = null;
    this.drawSlot();
  }

  // The connection that the finding names is still in its slot. A recording has its steps in any case.
  isThere({slot, connection}) {
    const {model} = this;
    return !model.live || (model.cells.state[slot] !== 0 && model.cells.id[slot] === connection % 4294967296);
  }
  pickFinding(finding) {
    if (this.isThere(finding)) this.pick(finding.slot);
    else this.drawFindings();
  }

  // The user has chosen that slot.
  pick(slot) {
    this.followed = this.replay.followed = false;
    this.open(slot);
    this.refresh();
  }

  // ---- parts

  drawText() {
    const {model} = this;
    document.documentElement.classList.toggle('replaying', !model.live);
    document.title = `${model.findings ? `(${model.findings}) ` : ''}proxy ${model.hello.address ?? ''}: the board`;
    render(headerView(model, this.actions ??= this.makeActions()), $('header'));
    render(setupView(model.live ? model : this.live, this.setupOpen, open => (this.setupOpen = open, this.drawText())), $('setup'));
    this.drawHeadline();
    this.drawTitles();
  }

  // What the panel shows is the slot that waits longest.
  isLongest() { return this.slotData !== null && this.waits.longest?.slot === this.slotData.slot; }

  // With the boxes below it: both count the same records at the same moment. The panel may still have the slot that was the longest before.
  drawHeadline() {
    if (this.slotData && this.saidLongest !== this.isLongest()) this.drawSlot();
    render(this.model.live ? headlineView(this.model, this.found, this.waits, this.slotData) : this.replay.headline(), $('headline'));
    render(machineView(this.model, this.only, this.machineWidth ??= $('machine').clientWidth, state => this.showOnly(state)), $('machine'));
  }

  drawTitles() {
    const {model} = this;
    $('machine-title').textContent = words('machine');
    $('array-title').textContent = words('array');
    $('loop-title').textContent = words('loop');
    $('array-summary').textContent = arraySummary(model, this.table ? {shown: model.touched} : this.array);
    $('asleep').textContent = asleepText(model);
    render(this.arrayAside(), $('array-aside'));
  }

  arrayAside() {
    return html`<span class="hide">arrow keys move, <kbd>enter</kbd> opens, </span><button class="link" @click=${() => this.toggleTable()} aria-keyshortcuts="t">${this.table ? 'as a grid' : 'as a table'}</button>
      <kbd class="hide">t</kbd>`;
  }

  drawTable() {
    const actions = {onPick: slot => this.pick(slot), onMore: most => (this.tableRows = most, this.refresh())};
    render(tableView(this.model, this.only, this.tableRows, actions), $('array-table'));
  }

  drawRequests() {
    const {model} = this, {requests} = model, key = `${requests.length}:${requests.at(-1)?.number}:${vocabulary()}`;
    if (model.live && key === this.requestsKey) return;
    this.requestsKey = key;
    renderWaterfall($('requests'), requests, model.names, {words, onPick: note => this.pickRequest(note)});
  }

  drawSlot() {
    const {model, slotData: data} = this;
    render(slotView(data, model.names, {tab: this.tab, onTab: tab => (this.tab = tab, this.drawSlot(), this.loadSlot()), ladder: this.ladder, followed: this.followed, longest: this.saidLongest = this.isLongest(),
                                        onFollow: () => (this.followed = true, this.refresh())}), $('slot'));
    const head = data?.heads?.request;
    $('heads').hidden = this.tab === 'Heads' || !(head?.received?.length && head?.sent?.length);
    if (!$('heads').hidden) render(headView(head, 'request'), $('heads-body'));
  }

  // ---- what is asked for

  async loadSlot() {
    if (this.loading) return this.reload = true;
    const {model, selected} = this;
    if (selected < 0) return;
    this.loading = true;
    try {
      const data = await model.slot(selected), steps = this.tab === 'Ladder' ? await model.steps(selected) : null;
      if (model === this.model && selected === this.selected) {
        this.slotData = data;
        this.drawSlot();
        this.drawHeadline();
        if (steps) renderLadder(this.ladder, steps, model.names, {words, atPosition: model.live ? null : model.position, nowUs: model.nowUs, onPick: step => this.replay.to(step.position + 1)});
      }
    } catch {  // the next poll of the cells says that the proxy is not reachable
    }
    this.loading = false;
    if (this.reload || (this.selected !== selected && this.selected >= 0)) this.reload = false, this.loadSlot();
  }

  async loadFindings() {
    const {model} = this;
    try {
      const found = await model.findingList();
      if (model !== this.model) return;
      this.found = found;
    } catch {
      return;
    }
    this.drawFindings();
  }

  drawFindings() {
    const {model} = this;
    render(doctorView(this.found, model.live ? model.names.findings.length : 0, finding => this.isThere(finding), finding => this.pickFinding(finding)), $('doctor'));
  }

  // ---- what the user does

  makeActions() {
    return {onPause: () => this.pause(), onVocabulary: () => this.changeVocabulary(), onTheme: () => this.changeTheme(), onHelp: () => showHelp($('help')), onNow: () => this.replay.now()};
  }

  pause() {
    const {model} = this;
    if (model.live) model.pause(!model.paused);
    else if (model.playing) model.pause();
    else model.play();
    this.refresh();
  }

  // Shows the slots in one state alone; 0: all.
  showOnly(state) {
    this.only = state;
    this.refresh();
  }

  toggleTable() {
    this.table = !this.table;
    $('array').hidden = this.table;
    $('array-table').hidden = !this.table;
    if (this.table && this.due('table', 0)) this.drawTable();  // an update may leave it to the next one, but it gets the focus now
    this.refresh();
    (this.table ? $('array-table').querySelector('.scroll') : this.array.element).focus();
  }

  // The slot of the request if its connection is still there, else the moment of its end.
  pickRequest(note) {
    const {id, state} = this.model.cells, slot = note.slot ?? id.findIndex((each, i) => state[i] && each === note.id % 4294967296);
    if (slot >= 0 && this.model.live) this.pick(slot);
    else this.replay.toRequest(note);
  }

  changeVocabulary() {
    setVocabulary(kVocabularies[(kVocabularies.indexOf(vocabulary()) + 1) % kVocabularies.length]);
    keep('words', vocabulary());
    renderLegend($('legend'));
    this.refresh();
  }

  changeTheme() {
    const theme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    keep('theme', theme);
    setTheme(theme);
    this.redraw();
  }

  // After a change of colours.
  redraw() {
    this.array.redraw();
    this.loop.redraw();
    renderLegend($('legend'));
    this.requestsKey = null;
    this.refresh();
  }

  filter() { $('requests').querySelector('input')?.focus(); }
  help() { showHelp($('help')); }
  goArray() { this.array.element.focus(); }
}

// ---- choices that outlive the page

function keep(name, value) {
  try {
    localStorage.setItem(`board-${name}`, value);
  } catch {  // storage is switched off: the choice lasts as long as the page
  }
}
function kept(name) {
  try {
    return localStorage.getItem(`board-${name}`);
  } catch {
    return null;
  }
}

const dark = matchMedia('(prefers-color-scheme: dark)');
function setTheme(theme) {
  document.documentElement.dataset.theme = theme ?? (dark.matches ? 'dark' : 'light');
}

// ---- start

async function start() {
  setTheme(kept('theme'));
  setVocabulary(kept('words'));
  let live = null;
  while (!live) {
    try {
      live = await connect();
    } catch (error) {
      $('headline').querySelector('h1').textContent = `The proxy is not reachable: ${error.message}. Trying again …`;
      await new Promise(done => setTimeout(done, 1000));
    }
  }
  $('headline').replaceChildren();
  const board = new Board(live);
  dark.addEventListener('change', () => kept('theme') || (setTheme(null), board.redraw()));
  addEventListener('keydown', event => onKey(event, board));
  addEventListener('hashchange', () => board.replay.readHash());
  renderLegend($('legend'));
  await board.replay.start();
}
start();
