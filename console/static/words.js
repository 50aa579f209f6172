// What the page says, Chinese first. Keys are those of the API where the API has them.

const WORDS = {
  media: ["照片和录音", "sent with it"],
  show_media: ["查看", "show"],
  media_image: ["照片", "picture"],
  media_voice: ["语音", "voice"],
  media_video: ["视频", "video"],
  media_shortvideo: ["视频", "video"],
  media_waiting: ["接收中", "on its way"],
  media_refused: ["无法显示", "cannot be shown"],
  media_lost: ["没有收到", "did not arrive"],
  title: ["值班台", "Desk board"],
  sign_in: ["登录值班台", "Sign in to the board"],
  username: ["用户名", "User name"],
  password: ["密码", "Password"],
  code: ["动态码（6位）", "Code (6 digits)"],
  enter: ["登录", "Sign in"],
  sign_out: ["退出", "Sign out"],
  other_language: ["English", "中文"],
  sound_on: ["铃声：开", "Sound: on"],
  sound_off: ["铃声：关", "Sound: off"],
  queue: ["待处理警情", "Waiting at the desk"],
  map: ["示意图", "Sketch map"],
  running: ["进行中", "Running"],
  on_duty: ["在岗警力", "On duty"],
  approvals: ["登录待确认", "Sign-ins to approve"],
  nothing_waits: ["没有待处理的警情", "Nothing waits"],
  nothing_runs: ["没有进行中的警情", "Nothing is running"],
  nobody: ["无人在岗", "Nobody is on duty"],
  no_way: ["手机叫不到，请用电台", "No way to the phone: call by radio"],
  test_failed: ["上岗测试未送达", "The test did not arrive"],
  few_left: ["微信提醒快用完", "Few messages left"],
  please_look: ["请看手机", "please look at your phone"],
  urgent: ["紧急", "Urgent"],
  text_only: ["仅文字", "Text only"],
  large_print: ["大字", "Large print"],
  child: ["未成年人", "Child"],
  for_another: ["替他人报", "For another"],
  at_desk: ["在值班台", "At the desk"],
  open: ["派单中", "Open"],
  held: ["处理中", "In hand"],
  free: ["空闲民警", "Free officer"],
  busy: ["有警情的民警", "Busy officer"],
  waits: ["已等候", "waiting"],
  acknowledge_in: ["确认剩余", "to acknowledge"],
  overdue: ["确认超时", "overdue"],
  acknowledged: ["已确认", "Acknowledged"],
  rings_at: ["响铃", "ringing at"],
  mine: ["我处理", "Mine"],
  taken: ["已有人处理", "Taken"],
  acknowledge: ["确认", "Acknowledge"],
  take: ["我来处理", "Take"],
  put_back: ["放回", "Put back"],
  assign: ["派警", "Assign"],
  assign_whom: ["派给谁", "Assign whom"],
  nobody_free: ["附近没有空闲民警", "No free officer near"],
  unfit: ["非推荐", "not the usual kind"],
  unknown_distance: ["位置未知", "position unknown"],
  shut: ["关闭", "Close"],
  approve: ["同意", "Approve"],
  refuse: ["拒绝", "Refuse"],
  left: ["剩余", "left"],
  nudged: ["已催促", "nudged"],
  alarmed: ["无响应", "silent"],
  cancel_asked: ["申请撤销", "asks to cancel"],
  more: ["仅显示前100条", "Only the first 100 are shown"],
  unheard: ["部分单位不实时更新", "Some stations do not update live"],
  live: ["实时", "Live"],
  connecting: ["连接中…", "Connecting…"],
  elsewhere: ["已在其他窗口打开", "Open in another window"],
  no_role: ["该账号没有值班台权限", "This account has no desk"],
  handed_over: ["移交", "Handed over"],
  words: ["内容", "Words"],
  place: ["地点", "Place"],
  station: ["派出所", "Station"],
  why: ["原因", "Why here"],
  reported: ["报警", "Reported"],
  holder: ["民警", "Officer"],
  closed: ["办结", "Closed"],
  disposition: ["处置结果", "Disposition"],
  note: ["说明", "Note"],
  rating: ["评价", "Rating"],
  locked: ["闲置已锁定，请重新登录", "Locked after idling: sign in again"],
  forward: ["转派", "Forward"],
  to_station: ["转到", "To"],
  reason: ["原因", "Reason"],
  merge: ["合并", "Merge"],
  into: ["并入", "Into"],
  close_case: ["办结", "Close the case"],
  take_to_close: ["先“我来处理”，再办结", "Take it first, then it can be closed"],
  details: ["详情", "Details"],
  near: ["今日可发送的消息将用完，次要通知已暂缓：", "Today's messages are nearly used up, lesser notices wait:"],
  stopped: ["暂时无法向群众发送消息，请电话联系；恢复时间", "Citizens cannot be written to: call them; until"],
  failed: ["操作失败，请重试", "That failed, please try again"],
  all_stations: ["全部单位", "All stations"],
  auxiliary: ["辅警", "auxiliary"],
  officer: ["民警", "officer"],
};

const CATEGORIES = {
  stolen_property: ["财物被盗", "Stolen property"],
  taxi_dispute: ["打车纠纷", "Taxi dispute"],
  animal_nuisance: ["动物扰民", "Animal nuisance"],
  missing_person: ["人员走失", "Missing person"],
  lost_and_found: ["失物招领", "Lost and found"],
  neighbour_dispute: ["邻里纠纷", "Neighbour dispute"],
  noise: ["噪音扰民", "Noise"],
  online_fraud: ["网络诈骗", "Online fraud"],
  other: ["其他", "Other"],
};

const STATES = {
  open: ["派单中", "Open"],
  claimed: ["已接单", "Claimed"],
  assigned: ["已派警", "Assigned"],
  en_route: ["出警途中", "En route"],
  arrived: ["已到场", "Arrived"],
  handed_over: ["已移交", "At the desk"],
  closed: ["已办结", "Closed"],
  cancelled: ["已取消", "Cancelled"],
  merged: ["已合并", "Merged"],
};

const CAUSES = {
  deadline: ["60秒无人接单", "nobody took it in time"],
  out_of_hours: ["非受理时段", "outside hours"],
  no_place: ["地点不明", "place unknown"],
  no_scene: ["无现场", "no scene"],
  nobody_reachable: ["无可用警力", "nobody reachable"],
  urgent: ["紧急", "urgent"],
  flood: ["重复报警", "repeat"],
  forwarded: ["转派", "forwarded"],
  released: ["民警释放", "released"],
  silent: ["民警无响应", "officer silent"],
  needs_another_unit: ["需其他单位", "needs another unit"],
  returned: ["退回", "returned"],
  not_solved: ["群众反映未解决", "not solved"],
  reopened: ["重新处理", "reopened"],
  not_this_officer: ["申请更换民警", "another officer asked"],
};

const ENDINGS = {
  solved: ["已解决", "solved"],
  mediated: ["已调解", "mediated"],
  found: ["已找到", "found"],
  advised: ["已告知", "advised"],
  filed: ["已立案", "filed"],
  nobody_there: ["现场无人", "nobody there"],
  not_police: ["非警务", "not police work"],
  false_report: ["虚假报警", "false report"],
  duplicate: ["重复", "duplicate"],
};
export const DISPOSITIONS = Object.keys(ENDINGS);

let column = localStorage.getItem("language") === "en" ? 1 : 0;

const pick = (table, key) => (table[key] ? table[key][column] : key);

export const word = (key) => pick(WORDS, key);
export const category = (key) => pick(CATEGORIES, key);
export const state = (key) => pick(STATES, key);
export const cause = (key) => pick(CAUSES, key);
export const disposition = (key) => pick(ENDINGS, key);
export const isEnglish = () => column === 1;

export function turn() {
  column = 1 - column;
  localStorage.setItem("language", column ? "en" : "zh");
}

export function distance(metres) {
  if (metres === null) return word("unknown_distance");
  return metres < 1000 ? `${metres} m` : `${(metres / 1000).toFixed(1)} km`;
}

export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return column ? `${whole} s` : `${whole}秒`;
  const minutes = Math.floor(whole / 60);
  const rest = String(whole % 60).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return column ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 60)}时${minutes % 60}分`;
}
