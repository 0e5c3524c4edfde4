// The keys of the page. Keys in a text field, a button's own, and those that a part has used are not ours.

// Key, with "shift+" in front: what it does.
const kActions = {
  ' ': board => board.pause(),
  't': board => board.toggleTable(),
  'v': board => board.changeVocabulary(),
  '/': board => board.filter(),
  '?': board => board.help(),
  'ArrowLeft': board => board.replay.go('step', -1),
  'ArrowRight': board => board.replay.go('step', 1),
  'shift+ArrowLeft': board => board.replay.go('turn', -1),
  'shift+ArrowRight': board => board.replay.go('turn', 1),
  'e': board => board.replay.go('again', 1),
  'shift+e': board => board.replay.go('again', -1),
  'r': board => board.replay.go('error', 1),
  'shift+r': board => board.replay.go('error', -1),
  'f': board => board.replay.go('finding', 1),
  'shift+f': board => board.replay.go('finding', -1),
  'Escape': board => board.replay.now(),
};

const isField = element => element?.matches?.('input, select, textarea');
// These take the key themselves.
const takes = (element, key) => (key === ' ' && element?.closest?.('button, a, summary')) ||
  (key.startsWith('Arrow') && element?.closest?.('[role=tablist], [role=application], [role=slider], .scroll, .ladder-box, pre'));

export function onKey(event, board) {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || document.querySelector('dialog[open]')) return;
  if (isField(event.target)) return event.key === 'Escape' && event.target.blur();
  if (takes(event.target, event.key)) return;
  const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = kActions[event.shiftKey && event.key !== '?' && event.key !== '/' ? `shift+${letter}` : letter] ?? kActions[event.key];
  if (!action) return;
  event.preventDefault();
  action(board);
}
