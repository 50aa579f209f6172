"""How often the emergency gate errs, each way, on labelled sentences in both languages.

`LEARNT` shaped the lists. `FRESH` was written afterwards, and combinations were then made with it in sight; what a
stranger's words meet is counted in `test_emergency_fresh`. A bound may only be lowered.
"""

from tests.wechat.test_emergency import DANGER, NEAR_MISSES
from wechat.emergency import danger

# fmt: off
LEARNT_DANGER = """
我老公要砍我|楼道里全是浓烟|隔壁一直有女人喊救命|有人往我家泼汽油|孩子被陌生人抱走了|我被关在屋里出不去|他把我锁在房间里|有人翻窗进来了|有人拿着砖头砸人|我妈吃了老鼠药|有人要从楼顶跳下来|爷爷突然不省人事|他用绳子勒我脖子|有个男的摸我|我被骗进传销出不来|他拿酒瓶砸我的头|手被机器卡住了流了很多血|电动车电池炸了|有人被埋了|奶奶胸口疼得厉害喘不上气|小孩卡住喉咙了|我想结束自己的生命|他说要弄死我|他要跟我同归于尽|有人开车撞人|孩子从楼上掉下去了|有人酒后闹事拿刀|被电到了|男朋友不让我出门还打我|有人强行拉我上车
he won't let me leave|he locked me in the room|a man is trying to grab my daughter|my grandma fell and is not moving|someone climbed in through my window|he pushed me down the stairs|he put a knife to my throat|there is blood everywhere|my child is choking|my baby is not waking up|a man took my child|he is going to kill us|my husband beats me|they are beating a man|someone jumped off the bridge|he touched me on the bus|the building collapsed|people are screaming and running|I don't want to live anymore|he swallowed poison
"""
LEARNT_NEAR_MISSES = """
菜刀忘在出租车上了|在菜场买了一把刀被多收钱|火车站丢了行李|烟花太吵|楼上打孩子似的跑来跑去|我的猫跑丢了|电瓶被偷了|邻居家狗叫个不停|火锅底料味道太大|打的士被绕路|打印店不退钱|打折券是假的|消防通道被堵|灭火器丢了|110米长的绳子丢了|手机号尾号110|门牌110号楼下很吵|救护车声音太吵|急救包捡到了|危险品标志牌掉了|枪版碟片摊太吵|玩具枪丢在公交上|打气筒被偷|自行车被撬锁了昨天发现的|广场舞的音响炸耳朵|气死我了司机绕路|笑死我了|累死了排队|热死了空调外机吵|吓死我了有只大蟑螂|杀毒软件骗钱|杀价纠纷|自杀式降价广播太吵|血压计丢了|血糖仪忘在车上|落水口堵了|楼上漏水|烧烤摊油烟大|烧饼摊占道|跳绳声音大
my bike lock was cut|the taxi driver was rude|my knife set was stolen from the car|the bomb squad game is noisy|I lost my lighter|a dog is barking|killer deal at the shop was a scam|I am dying of heat|my phone is dead|the gunmetal bike was stolen|the fire hydrant is leaking|the smoke alarm keeps beeping|my shot glass was stolen|hit song played too loud|beat music at night|the cat is stuck|a wallet was found|my help desk ticket|helping my neighbour report|bus 110 driver found my bag
"""
FRESH_DANGER = """
有个疯子在街上乱砍|我爸突然抽搐口吐白沫|家里闻到煤气快晕了|孩子在河里不见了|楼上有人要往下跳|他把老人推倒在地还踢|有人抢小孩|前夫堵在门口砸门要打我|
地铁里有人偷拍还动手|他说今晚要杀了我全家|有人往井里掉了|老人在电梯里晕倒|房顶塌下来压到人|他逼我喝东西我头很晕|有人拿棍子追我
someone is hitting a child|he is outside my door with a bat|I was drugged at the bar|my friend cut her wrists|a truck ran over a cyclist|the man is waving a blade|
he says he will burn the house down|my father has chest pain and can't breathe|two men are dragging a woman into a car|I hear screams next door
"""
FRESH_NEAR_MISSES = """
110路末班车几点|坐110路钱包丢了|楼下烧烤烟大|剁骨刀网购被骗|刀鱼买贵了|枪灰色的电动车丢了|打火机捡到了|火车票丢了|血站门口乱停车|跳舞音乐吵|
老板不退押金|邻居装修砸墙|砸核桃声音大|猫困在树上了|手表被偷了|我想死机的电脑怎么修|快递被拿错|路灯坏了|共享单车乱放|孩子哭闹太吵
fire station street is noisy|my hit record was stolen|a stabbing pain in my wallet, the fare was high|the shop won't refund me|gun street market noise|
lost my knife sharpener|my dog is not moving house with us|someone blocked my garage|I left my bag in bus 110|the karaoke is killing us with noise
"""
# fmt: on


def sentences(block: str) -> list[str]:
    return [said for said in block.replace("\n", "|").split("|") if said]


def test_errors_of_the_gate_are_counted_and_bounded() -> None:
    learnt_danger = DANGER + sentences(LEARNT_DANGER)
    learnt_calm = NEAR_MISSES + sentences(LEARNT_NEAR_MISSES)
    fresh_danger, fresh_calm = sentences(FRESH_DANGER), sentences(FRESH_NEAR_MISSES)
    assert len({*learnt_danger, *learnt_calm, *fresh_danger, *fresh_calm}) >= 300

    missed = [said for said in learnt_danger if not danger(said)]
    false = [said for said in learnt_calm if danger(said)]
    fresh_missed = [said for said in fresh_danger if not danger(said)]
    fresh_false = [said for said in fresh_calm if danger(said)]

    print(
        f"learnt: {len(missed)} of {len(learnt_danger)} dangers missed, {len(false)} of {len(learnt_calm)} false"
    )
    print(
        f"fresh: {len(fresh_missed)} of {len(fresh_danger)} dangers missed, {len(fresh_false)} of {len(fresh_calm)} false"
    )
    assert not missed, missed
    assert len(false) <= 1, false
    assert len(fresh_missed) <= 1, fresh_missed
    assert len(fresh_false) <= 1, fresh_false
