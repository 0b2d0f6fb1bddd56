// A list of any length of which only the rows in sight are elements. Browsers cap the height of an
// element; beyond kHeightMax the box is lower than its rows together, and scrolling goes further
// for each step.
const kHeightMax = 8_000_000;
const kBeyond = 8; // Rows that stand ready above and below what is seen.

export class VirtualList {
  // `make()` gives an element for a row, `fill(element, index)` shows a row in it, `drawn()` is
  // told that other rows may be in sight.
  constructor(scroller, {make, fill, drawn}) {
    this.scroller_ = scroller;
    this.space_ = document.createElement('div');
    this.space_.className = 'space';
    this.space_.setAttribute('role', 'presentation');
    scroller.append(this.space_);
    this.make_ = make;
    this.fill_ = fill;
    this.drawn_ = drawn;
    this.count_ = 0;
    this.rows_ = new Map(); // By index.
    this.frame_ = 0;
    scroller.addEventListener('scroll', () => this.later_(), {passive: true});
    new ResizeObserver(() => this.measure_()).observe(scroller);
    this.measure_();
  }

  // The rows in sight, [first, last).
  get first() {
    return Math.floor(this.top_() / this.height_);
  }
  get last() {
    return Math.min(this.count_, Math.ceil((this.top_() + this.sight_) / this.height_));
  }
  get page() {
    return Math.max(1, Math.floor(this.sight_ / this.height_) - 1);
  }

  // All rows are filled anew.
  setCount(count) {
    const top = this.top_();
    this.count_ = count;
    this.layOut_();
    if (this.total_ > kHeightMax) this.scrollTo_(top);
    this.draw();
  }

  reveal(index) {
    const top = index * this.height_;
    if (top < this.top_()) this.scrollTo_(top);
    else if (top + this.height_ > this.top_() + this.sight_)
      this.scrollTo_(top + this.height_ - this.sight_);
    this.draw();
  }

  toTop() {
    this.scroller_.scrollTop = 0;
  }

  rowAt(index) {
    return this.rows_.get(index);
  }

  measure_() {
    this.sight_ = this.scroller_.clientHeight;
    this.height_ = parseFloat(getComputedStyle(this.scroller_).getPropertyValue('--row')) || 46;
    this.layOut_();
    this.later_();
  }

  layOut_() {
    this.total_ = this.count_ * this.height_;
    this.space_.style.height = `${Math.min(this.total_, kHeightMax)}px`;
  }

  // Rows' heights for each height that is scrolled.
  scale_() {
    if (this.total_ <= kHeightMax) return 1;
    return (this.total_ - this.sight_) / (kHeightMax - this.sight_);
  }
  top_() {
    return this.scroller_.scrollTop * this.scale_();
  }
  scrollTo_(top) {
    this.scroller_.scrollTop = top / this.scale_();
  }

  later_() {
    this.frame_ ||= requestAnimationFrame(() => {
      this.frame_ = 0;
      this.draw();
    });
  }

  draw() {
    const first = Math.max(0, this.first - kBeyond);
    const last = Math.min(this.count_, this.last + kBeyond);
    const free = [];
    for (const [index, row] of this.rows_) {
      if (index >= first && index < last) continue;
      this.rows_.delete(index);
      free.push(row);
    }
    const shift = this.scroller_.scrollTop - this.top_();
    for (let index = first; index < last; ++index) {
      let row = this.rows_.get(index);
      if (!row) {
        row = free.pop() ?? this.space_.appendChild(this.make_());
        this.rows_.set(index, row);
      }
      row.style.transform = `translateY(${Math.round(index * this.height_ + shift)}px)`;
      this.fill_(row, index);
    }
    free.forEach((row) => row.remove());
    this.drawn_();
  }
}
