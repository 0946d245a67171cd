"""简体中文：与 en.py 同名、同序的每一句话。"""

NAME = "GAN Studio"
TITLE = "# GAN Studio\n修改照片里的脸，或者画出世上并不存在的人。"
TITLE_DRAWING = "# GAN Studio\n用神经网络画图，从一张漫步到下一张，再动手修改。"
ABOUT = """这里画出的图片会在两小时内删除。
用 CelebA 训练的模型仅限非商业研究使用。GAN Studio 是开源软件（MIT）。"""
MODEL, MODEL_CARD = "模型", "模型卡"


def joined(*sentences: str) -> str:
    return "".join(sentences)


# ---- 各页共用的控件
ANY = "任意"
CATEGORIES = "所有类别"
DRAW_CLASS, ONLY_WITH, ONLY_WITHOUT = "只画", "只要有", "只要没有"
ONLY_FACES_WITH, ONLY_FACES_WITHOUT = "脸上要有", "脸上不要有"
TRUNCATION, TRUNCATION_INFO = "随机性", "小于 1：更典型，变化更少（截断）"

# ---- 采样
SAMPLE, SAMPLES, SEED, PICTURES, NEW_SEED, DRAW = "采样", "样本", "种子", "图片数", "换个种子", "绘制"
PICKED_TITLE, IN_THE_WALK = "已选中", "这张图片现在是漫步的最后一站。"
PINNED, UNPINNED = "收藏的图片会一直显示在各绘图页的下方。", "这张图片不再收藏。"
VARIED, VARIATIONS, PINS = "变体", "变体", "收藏"
VARY, PIN, WALK_FROM, CHANGE = "生成变体", "收藏", "漫步到这张", "修改"
EXPLORE_IT = "探索"
ALL, REOPEN, TAKE, TAKE_ZIP = "全部下载", "打开保存过的图片", "下载（PNG）", "下载（zip）"


# ---- 漫步
WALK_TAB, STRIP, WALK_VIDEO, WALK = "漫步", "从一张到下一张", "漫步视频", "漫步"
ANCHORS = "途经的图片"
ANCHORS_INFO = "二到六个种子；7:2 表示种子 7 的第 2 张。"
BETWEEN, OPEN_THIS, USE_PINS, LOOP = "漫步途中", "打开这张图片", "走过收藏的图片", "回到第一张"
AS_WEBP, TAKE_VIDEO, TAKE_WEBP = "制作 WebP", "下载（MP4）", "下载（WebP）"
TOO_FEW_PINS = "请先收藏两张以上的图片：在“采样”页打开一张，再点“收藏”。"
DRAWING, MAKING_VIDEO = "正在绘制", "正在制作视频"

# ---- 属性
ATTRIBUTES, PAIR, BEFORE, AFTER, AS_CLASS = "属性", "修改前后", "修改前", "修改后", "画成"
STEPS, SWEEP = "横向：从无到有", "同一个潜变量，逐个标签"
GRID_WITH, NO_GRID, KEEP, RESET = "纵向：再加一个，组成网格", "不加", "在此基础上继续", "复位"
ANOTHER = "换一张"
LABELS = """属性是 CelebA 的标注者在图片中看到的样子，并不代表这个人本身。40 个属性中只有 12 个标注得可靠
（Wu 等，2023）；“年轻”、“肤色：白”和“眉毛：浓”更是见仁见智。"""
ONE_HAIR_COLOUR = "头发一次只有一种颜色：调高一种，其他的会随之变淡。"


def first_ones(shown: int, all_of_them: int) -> str:
    return f"这个模型有 {all_of_them} 个属性；这里只为前 {shown} 个提供滑块。"


def grid_of(across: str, first: float, down: str, second: float) -> str:
    return f"{across} {first:.0%}，{down} {second:.0%}"


# ---- 探索
EXPLORE, ALONG = "探索", "从一端到另一端"
EXPLORE_NOTE = """沿着潜空间中的这些方向，这个模型的图片变化最大。它们没有名字：它们来自模型第一层的权重
（SeFa，Shen 和 Zhou，2021）。移动滑块，看看会改变什么。"""
EXPLORE_CODES = """这个模型训练时没有标签：这些类别和编码是它自己发现的（InfoGAN，Chen 等，2016）。
选一个类别，移动一个编码或方向，看看会改变什么。"""
CATEGORY = "类别"


def category(number: int) -> str:
    return f"类别 {number}"


def direction(number: int) -> str:
    return f"方向 {number}"


def code(number: int) -> str:
    return f"编码 {number}"


# ---- 关于模型
CLASSES, ATTRIBUTES_OF = "类", "属性"


def of_model(name: str, family: str, width: int, height: int, able: str, data: str) -> str:
    return f"**{name}**：`{family}` 系列，{width} x {height} 像素，{able}。{data}"


def able_to_draw(numbers: int, told: str) -> str:
    return f"潜变量有 {numbers} 个数，{told}"


def told_labels(count: int, kind: str) -> str:
    return f"训练时用了 {count} 个{kind}的标签"


def found_codes(categories: int) -> str:
    return f"训练时没有标签，自己发现了 {categories} 个类别"


TOLD_NOTHING, DRAWS_FROM_LINES = "训练时没有标签", "根据线条画出图片"
DRAWS_FROM_PICTURES = "根据一张图片画出另一张，是从成对的图片学来的"


def able_to_edit(count: int) -> str:
    return f"能修改人脸的 {count} 个属性"


def able_to_repair(count: int) -> str:
    return f"认识 {count} 种损坏"


# ---- 比较
COMPARE, LEFT, RIGHT, NEXT_SEED = "比较", "左", "右", "下一个种子"
COMPARE_NOTE = "同一个种子，分别交给两个模型，或同一次训练的两个时刻。"
TEN_YEARS = "`mnist-mlp` 是 2014 年那样的 GAN，`mnist-r3gan` 是 2024 年的。"
AT_CHECKPOINT, BEFORE_CHECKPOINT = "（最近的检查点）", "（前一个检查点）"


# ---- 人脸属性，按 CelebA 中的名字
ATTRIBUTE_NAMES = {
    "Arched_Eyebrows": "眉毛：弯",
    "Bald": "秃头",
    "Bangs": "刘海",
    "Black_Hair": "头发：黑",
    "Blond_Hair": "头发：金",
    "Brown_Hair": "头发：棕",
    "Bushy_Eyebrows": "眉毛：浓",
    "Eyeglasses": "眼镜",
    "Goatee": "山羊胡",
    "Gray_Hair": "头发：灰",
    "Heavy_Makeup": "妆容",
    "Male": "男性化",
    "Mouth_Slightly_Open": "嘴：张开",
    "Mustache": "小胡子",
    "No_Beard": "无胡须",
    "Pale_Skin": "肤色：白",
    "Smiling": "微笑",
    "Wearing_Hat": "帽子",
    "Wearing_Lipstick": "口红",
    "Young": "年轻",
}

# ---- CIFAR-10 和 FashionMNIST 的类别，按那里的名字
CLASS_NAMES = {
    "airplane": "飞机",
    "automobile": "汽车",
    "bird": "鸟",
    "cat": "猫",
    "deer": "鹿",
    "dog": "狗",
    "frog": "青蛙",
    "horse": "马",
    "ship": "船",
    "truck": "卡车",
    "T-shirt/top": "T恤或上衣",
    "Trouser": "裤子",
    "Pullover": "套头衫",
    "Dress": "连衣裙",
    "Coat": "外套",
    "Sandal": "凉鞋",
    "Shirt": "衬衫",
    "Sneaker": "运动鞋",
    "Bag": "包",
    "Ankle boot": "短靴",
}


def attribute(name: str) -> str:
    return ATTRIBUTE_NAMES.get(name) or CLASS_NAMES.get(name, name.replace("_", " "))


# ---- 编辑照片
PHOTO_TAB = "编辑照片"
# 编辑工具自己的话（assets/photo.js）
STUDIO = {
    "open": "打开照片",
    "drop": "把照片拖到这里，或者打开一张",
    "camera": "相机",
    "take": "拍照",
    "cancel": "取消",
    "no_camera": "这里不能使用相机；请改为打开照片。",
    "close": "移除",
    "compare": "按住看原图",
    "original": "原图",
    "undo": "撤销",
    "redo": "重做",
    "reset": "全部复位",
    "save": "下载",
    "saving": "正在生成原尺寸文件",
    "saved": "已按原尺寸保存：",
    "face": "人脸",
    "whole": "整张照片",
    "faces": "选择一张脸",
    "drawn": "这个人并不存在：这张脸是神经网络画的。先试一试，再打开自己的照片。",
    "examples": "或者用一张生成的脸",
    "example": "生成的脸",
    "more": "更多修改",
    "unreliable": "更多，不太可靠",
    "unreliable_why": "在许多脸上，这些修改不是太弱就是太强。",
    "there": "已经有了",
    "not_there": "本来没有",
    "not_offered": "效果不佳",
    "aside": "侧脸",
    "turned": "这张脸侧得太多，无法编辑。请选择另一张脸，或一张正面的照片。",
    "opening": "正在寻找人脸",
    "working": "正在修改人脸",
    "too_large": "这张照片太大：最多 {} MB。",
    "slow": "服务器没有回应，请再试一次。",
    "photo_of": "照片",
    "with": "：",
}
PHOTO_NOTE = """请只使用征得本人同意的照片。这里什么都不会保留：移除照片、打开另一张或关闭页面时，修改结果随即删除；
照片本身也会在一小时内从服务器内存中清除。"""
UNRELIABLE = f"{LABELS}同时调高几种发色时，以最高的一种为准。"
PHOTO_FOOT = f"{PHOTO_NOTE}\n\n{UNRELIABLE}"
EDITOR, PHOTO = "编辑器", "照片"
MORPH, OTHER_PHOTO, WAY, MORPH_STRIP, MORPH_VIDEO = (
    "渐变到另一张照片",
    "另一张照片",
    "方法",
    "从一张脸到另一张脸",
    "去而复返",
)
KEEPING_DETAIL = "保留照片的细节"
FINDING = "正在潜空间中寻找两张脸"


def through(model: str) -> str:
    return f"经过 {model} 画的脸"


# ---- 修复
REPAIR, FILL, ALL_OF_IT, DENOISE, SHARPEN = "修复", "补全我涂掉的部分", "修复检测到的所有损坏", "去除噪点和斑点", "锐化"
UNBLOCK, TWICE, FOUR_TIMES, COLOUR = "去除 JPEG 方块", "放大到两倍", "放大到四倍", "上色"
REPAIR_NOTE = """上传一张照片（请只用征得本人同意的），或用一张生成的脸。涂掉要补全的部分，或选择别的修复方式。**丢失的细节无法找回**：
网络画的是那里可能有什么，而不是原来有什么。它是用 64 像素的人脸训练的；其他图片和大块的空缺会比较粗糙。这里什么都不会保留。"""
TAKE_DRAWN_FACE, WHAT_TO_DO, DO_REPAIR = "用一张生成的脸", "要做什么", "修复"
STRENGTH, STRENGTH_INFO = "损坏的程度", "0：根据照片估计"
PAINT_HERE, TAKE_WHOLE = "涂掉要补全的部分", "下载原尺寸（PNG）"
NO_DAMAGED = "还没有照片：请上传一张，或用一张生成的脸。"
NOTHING_PAINTED = "还没有涂任何地方：请涂掉要补全的部分。"
NOTHING_DETECTED = "网络没有在这张照片里检测到损坏。若仍要修复，请选择要做什么。"
BAD_PAINTING = "涂抹的内容无法读取；请再试一次，或重新载入页面。"

# ---- 鉴别
VERIFY, TO_VERIFY = "鉴别", "一张图片或一段视频"
VERIFY_NOTE = (
    """它是生成的吗？选一个文件，这里会读出文件里记录的内容。这样的记录谁都能写，也谁都能去掉。这里什么都不会保留。"""
)
DETECTOR_NOTE = """然后，一个小网络会说出它的看法。**它无法判断网上的图片是不是生成的**：它只认识本页的生成器，别的几乎都不认识，
也看不出照片有没有修改过。绝不要以它为由指责任何人。"""
WRITTEN_INSIDE, DETECTOR_THINKS = "文件里的记录", "检测器的看法"
NOTHING_INSIDE = "文件里没有记录它是怎样得来的。这说明不了什么：这样的记录很容易去掉。"
BROKEN_INSIDE = "文件里的记录已损坏，或者不符合规定。"
SAYS = {
    "generated": "文件里记录着它是生成的。这样的记录谁都能写。",
    "edited": "文件里记录着一张照片被模型修改过。这样的记录谁都能写。",
    "photographed": "文件里记录着它是相机拍摄的。这样的记录谁都能写。",
}
SIGNED_ANOTHER = "它带有内容凭证，但与内容不符：它在签名之后被改动过。"
LOOKS_GENERATED, LOOKS_REAL = "它看起来是生成的。", "它看起来不是生成的。"
NO_OPINION = "没有看法：它只看每边至少 28 像素的图片，不看视频。"
NO_DETECTOR = "这里没有检测器。"
DETECTOR_LIMITS = """没有被它怀疑的图片也可能是生成的，被它怀疑的图片也有真实的。各有多常见，见下表。"""
HOW_OFTEN = "测试图片中被它当作生成的比例"
RATES = {
    "found": "由它认识的生成器所画",
    "unseen": "由它从未见过的生成器所画",
    "false_alarms": "真实的，它认识的种类",
    "other_data": "真实的，它从未见过的种类",
}
DAMAGED = {
    "undamaged": "原样",
    "jpeg": "存为 JPEG",
    "resized": "缩放过",
    "cropped": "裁剪过",
    "blurred": "模糊过",
}


def drawn_by(model: str) -> str:
    return f"文件里记录着它由 GAN Studio 的 {model} 所画。"


def changed_by(model: str) -> str:
    return f"文件里记录着一张照片被 GAN Studio 的 {model} 修改过。"


def edits_of(changes: str) -> str:
    return f"修改内容：{changes}。"


def signed_by(signer: str) -> str:
    return f"由 {signer} 签名；签名者是否真是其人，没有核实。"


# ---- 素描
SKETCH, DRAW_HERE, SKETCHED, TAKE_LINES = "素描", "在这里画一张脸", "画出的脸", "从一张生成的脸的线条开始"
SKETCH_NOTE = """画出一张脸的线条：正面，和画布一样大，眼睛比中间稍高。网络会画出一张有这些线条的脸，这个人并不存在。"""

# ---- 转换
TRANSLATE, TURN_INTO, DO_TRANSLATE = "转换", "转换成", "转换"
TRANSLATE_NOTE = """上传一张图片（有人的请先征得本人同意），网络会把它变成另一种。两种训练图片之间的一切差别都会跟着改变。
这里什么都不会保留。"""


def able_to_translate(kinds: str) -> str:
    return f"能转换成 {kinds}"


# ---- 出错时
TROUBLE = "没有成功"
BUSY = "服务器正忙；请一分钟后再试。"
UNEXPECTED = "发生了意外的错误；请再试一次，或重新载入页面。"
NOTHING_TO_DO = "这些模型都不能画图，也不能修改图片：请用 --model 再加一个。"
NOT_OFFERED = "这里没有这个模型；请从列表中选择。"
NOT_ALIKE = "这两个模型画的图片大小或颜色不同；请选两个相配的。"
NO_SUCH_CLASS = "两个模型都要认识这个类别；请从列表中选择。"
NO_SUCH_DIRECTION = "没有这个方向；请从列表中选择。"
NO_SUCH_TAB = "这个模型没有这一页；请选择显示的页面。"
BAD_LINK = "这个链接不完整或已损坏；请重新复制。"
OTHER_REVISION = "它是用同名的另一份权重画的，所以在这里可能不一样。"
NO_MARK = "这个文件里没有记录它是怎样画出来的；请选择在这里保存的文件。"
NOT_DRAWN = "这个文件不是由种子或潜变量画出的，所以不能在这里打开。"
NOTHING_DRAWN = "还没有画任何图片：请先点“绘制”。"
NO_EDITOR = "这个模型不能修改照片；请从列表中选择。"
NO_UPLOAD = "服务器上没有这张照片；请重新选择文件。"
NO_PHOTO = "还没有照片：请上传一张，或用一张生成的脸。"
NO_OTHER = "还没有第二张照片：请上传一张，作为渐变的目标。"
PHOTO_GONE = "服务器上已经没有这张照片：照片会在一小时后删除。请重新打开。"
NO_SUCH_CHANGE = "这里没有这种修改；请选择显示的修改。"
NO_SUCH_EXAMPLE = "没有这张生成的脸；请选择显示的脸。"
NOTHING_PICKED = "没有选中任何图片；请点一张。"
NO_PLACE = "没有选中位置；请点一下图片。"
TOO_LITTLE = "页面发送的数据不完整；请重新载入。"
UPLOAD_EMPTY = "这次上传里没有文件。"
UPLOAD_BROKEN = "这次上传的内容无法读取。"


def too_large(most: int) -> str:
    return f"这个文件太大：最多 {most / 2**20:.3g} MB。"


def both(attribute: str) -> str:
    return f"“{attribute}”不能既要有又要没有：请从其中一处去掉。"


def no_such_model(name: str) -> str:
    return f"这里没有画出这个文件的模型 {name}。"


# ---- 实验室
LAB_TAB = "实验室"
LAB_NOTE = "一个 GAN 就在你眼前学着模仿黑色的点。选一个例子，或自己设置：改动立刻生效，训练当中也一样。"
LAB_EXAMPLES = "例子"
COLLAPSE, COLLAPSE_CURED = "模式崩溃", "模式都在"
COLLAPSE_SAYS = """**2014 年的原始损失**，判别器学得慢。生成器只画出八个模式中的几个：它的损失里没有任何东西说明还缺哪些。
它从一个模式跳到另一个，判别器在后面追。"""
COLLAPSE_CURED_SAYS = """**对策：相对损失、R1 和 R2，以及跟得上的判别器。** 每个真实点都与一个生成点相比，所以每个缺少的模式
都要付出代价。惩罚项让判别器保持平滑（R3GAN，2024）。"""
OSCILLATION, OSCILLATION_CURED = "振荡", "收敛"
OSCILLATION_SAYS = "**有动量，没有惩罚项。** 双方回应的都是对方先前的位置。点绕着数据打转，停不下来。"
OSCILLATION_CURED_SAYS = """**对策：R1，不用动量。** 惩罚项让判别器在数据处变平，已经到达的点就不会再被推走
（Mescheder 等，2018）。"""
VANISHING, VANISHING_CURED = "梯度消失", "梯度还在"
VANISHING_SAYS = """**总是获胜的判别器**，配上生成器的原始损失。凡是判别器确信为生成的地方，这个损失都是平的。点上的线表示它受到的推力，
这些线会缩短到看不见。"""
VANISHING_CURED_SAYS = (
    """**对策：非饱和损失和 R1。** 判别器越确信一个点是生成的，这个损失推它就越用力；R1 则让判别器不至于太确信。"""
)
POINTS, OBJECTIVE, PENALTY, PENALTY_STRENGTH = "点的形状", "目标函数", "惩罚项", "惩罚强度"
DISCRIMINATOR_STEPS, DISCRIMINATOR_RATE = "判别器步数", "判别器学习率"
GENERATOR_RATE, MOMENTUM = "生成器学习率", "动量"
DISCRIMINATOR_STEPS_INFO = "生成器每走一步"
RING, GRID, SPIRAL, MOONS = "八点环", "网格", "螺旋", "双月"
LOGISTIC, MINIMAX = "非饱和", "极小极大"
LEAST_SQUARES, WASSERSTEIN, HINGE = "最小二乘", "评论家（Wasserstein）", "铰链"
RELATIVISTIC = "相对"
NO_PENALTY, R1, R1_R2 = "无", "R1（真实点）", "R1 和 R2"
GRADIENT_PENALTY, CLIPPING = "WGAN-GP（两者之间）", "截断权重"
TRAIN, STOP, ANEW = "训练", "停止", "重新开始"
LEGEND = """<b class="real">黑色</b>：真实点。<b class="generated">洋红</b>：生成点，各带一条线，表示它被推往哪里。
橙色：判别器在这里认为是真的；蓝色：认为是生成的。"""
LOSSES, OF_DISCRIMINATOR, OF_GENERATOR = "损失", "判别器", "生成器"
OVERFLOWED = "数值溢出了：请调低学习率，重新开始。"


def modes(updates: int, covered: int, all_of_them: int, good: float) -> str:
    return f"{updates:,} 次更新：找到 {all_of_them} 个模式中的 {covered} 个，{good:.0%} 的点合格"


def frame_alt(updates: int, covered: int, all_of_them: int) -> str:
    return f"{updates:,} 次更新后的平面：生成点覆盖了真实点 {all_of_them} 个模式中的 {covered} 个"


def losses_alt(discriminator: float, generator: float) -> str:
    return f"损失随时间的变化；目前判别器 {discriminator:.2f}，生成器 {generator:.2f}"


def lab_busy(most: int) -> str:
    return f"此刻有 {most} 位访客在这里训练，服务器已到上限；请一分钟后再试。"


# ---- 训练
TRAIN_TAB = "训练配方"
TRAIN_NOTE = """在这台电脑上训练一个配方，与 `python -m training` 相同。关闭页面也没关系：训练会一直继续，直到完成、
被你停止，或服务器结束。"""
RECIPE, RUN_NAME, RUN_NAME_INFO = "配方", "训练的名称", "runs/ 下的文件夹"
IMAGES, IMAGES_INFO = "图片总数", "一共用多少张真实图片训练"
DATA_ROOT, DATA_ROOT_INFO = "数据", "数据集所在的文件夹；留空则用 GAN_STUDIO_DATA，否则用 data/"
OWN_PICTURES, OWN_PICTURES_INFO = "自己的图片", "改用一个文件夹、.zip 或 .tar；子文件夹就是类别"
NOTHING_TRAINED, RUN_SAMPLES = "现在没有在训练。", "它画的图片"
TRAIN_START, TRAIN_RESUME, TRAIN_OPEN = "开始", "继续", "在其他页打开"
NO_IMAGES = "图片总数必须在 1 到 10,000,000,000 之间。"


def still_training(name: str) -> str:
    return f"{name} 正在训练；请先停止它，或等它结束。"


def training_now(name: str) -> str:
    return f"{name} 正在训练。"


def training_over(name: str) -> str:
    return f"{name} 的训练已结束。"


def no_run_name(name: str) -> str:
    return f"训练的名称由字母、数字、点和横线组成，最多 60 个字符，不能是 {name}；请换一个。"


def opened(name: str) -> str:
    return f"{name} 已在模型列表中。"


# ---- 程序库的话，不属于页面，但访客会读到：英文原句（正则表达式）和译文
_THING = {
    "seed": "种子",
    "number of pictures": "图片数",
    "number of images": "图片数",
    "number of steps": "步数",
    "truncation": "截断",
    "value of an attribute": "属性值",
    "momentum": "动量",
    "class": "类别",
    "model": "模型",
    "attribute": "属性",
    "picture": "图片",
    "list of pictures": "图片列表",
    "list of keyframes": "途经的图片",
    "list of pins": "收藏",
    "place on the walk": "漫步途中的位置",
    "strength": "程度",
}


def _thing(name: str) -> str:
    return _THING.get(name, name)


def _got(value: str) -> str:
    return "空的" if value == "empty" else value


OF_THE_LIBRARY = (
    (
        r"Data: (.+), faces of celebrities\. CelebA is available for \*\*non-commercial research\*\* only, and so are weights "
        r"made from it\. The code is under the MIT licence\.",
        lambda data: (
            f"数据：{data}，名人的脸。CelebA 只能用于**非商业研究**，用它训练的权重也一样。代码采用 MIT 许可证。"
        ),
    ),
    (
        r"Data: (.+), handwritten digits\. The weights are under the MIT licence, like the code\.",
        lambda data: f"数据：{data}，手写数字。权重和代码一样采用 MIT 许可证。",
    ),
    (
        r"Data: (.+), articles of clothing\. Data and weights are under the MIT licence, like the code\.",
        lambda data: f"数据：{data}，服装图片。数据和权重与代码一样采用 MIT 许可证。",
    ),
    (
        r"Data: not recorded\. The licence of these weights depends on the training data, which this card does not know\.",
        lambda: "数据：没有记录。这些权重的许可证取决于训练数据，而模型卡没有说明用了什么数据。",
    ),
    (r"Data: (.+)\. Licence of the pictures: (.+)\.", lambda data, licence: f"数据：{data}。图片的许可证：{licence}。"),
    (
        r"The (.+) must be a whole number, not (.+)\.",
        lambda what, got: f"{_thing(what)}必须是整数，不能是 {_got(got)}。",
    ),
    (
        r"The (.+) must be a (?:whole )?number from (\S+) to (\S+), not (.+)\.",
        lambda what, least, most, got: f"{_thing(what)}必须是 {least} 到 {most} 之间的数，不能是 {got}。",
    ),
    (
        r"The (.+) must be a text of at most (\d+) (characters|pictures), not (.+)\.",
        lambda what, most, unit, got: (
            f"{_thing(what)}最多 {most} {'张图片' if unit == 'pictures' else '个字符'}，不能是 {got}。"
        ),
    ),
    (
        r"The (.+) must be (?:one|some) of the list, not (.+)\.",
        lambda what, got: f"{_thing(what)}必须从列表中选择，不能是 {got}。",
    ),
    (
        r"(.+) is not a picture: write (?:a seed|seeds) such as 3(?:, 14)?, or 7:2 for picture 2 of seed 7\.",
        lambda got: f"{got} 不是图片：请写种子，例如 3，或者用 7:2 表示种子 7 的第 2 张。",
    ),
    (
        r"A walk goes through 2 to (\d+) pictures, not (\d+)\.",
        lambda most, got: f"漫步经过 2 到 {most} 张图片，不能是 {got} 张。",
    ),
    (
        r"(?:This latent (?:is incomplete or damaged|holds numbers that are out of range); copy the whole link"
        r"|For this model, a picture that is given by its latent needs labels too)\.",
        lambda: "这张图片的潜变量不完整或已损坏；请复制整个链接。",
    ),
    (
        r"(?:This latent does not fit the model, which takes \d+ numbers; .+|The labels .+ do not fit the model, .+"
        r"|This picture was made by a model with another latent or other labels\."
        r"|Either this picture or this model has no labels; .+)",
        lambda: "这张图片不适合这个模型；请选择画出它的模型。",
    ),
    (
        r"No face was found; choose a photo that shows a whole face from the front, larger and in good light\.",
        lambda: "没有找到人脸；请选一张光线好、正面、完整、够大的人脸照片。",
    ),
    (
        r"Finding faces needs the package (.+), which is not installed here: (.+)\.",
        lambda package, command: f"寻找人脸需要程序包 {package}，这里没有安装：{command}。",
    ),
    (r"The file is empty; choose another one\.", lambda: "文件是空的；请另选一个。"),
    (
        r"The file is not a picture, or a damaged one; choose a JPEG, PNG, WebP or HEIC file\.",
        lambda: "这不是图片，或者已损坏；请选择 JPEG、PNG、WebP 或 HEIC 文件。",
    ),
    (
        r"The file is not a picture, or a damaged one; choose a PNG, JPEG, WebP or MP4\.",
        lambda: "这不是图片，或者已损坏；请选择 PNG、JPEG、WebP 或 MP4 文件。",
    ),
    (r"The picture is damaged or far too large; choose another file\.", lambda: "图片已损坏或过大；请另选一个文件。"),
    (r"The file is too large: at most (\d+) MB are read\.", lambda most: f"文件太大：最多 {most} MB。"),
    (
        r"What is written inside this file is (?:damaged: .+; choose another file|too long: .+)\.",
        lambda: "这个文件里的记录已损坏；请另选一个文件。",
    ),
    (
        r"This is a HEIC photo, which cannot be read here without the package pillow-heif; .+",
        lambda: "这是 HEIC 照片，这里没有安装读取它的程序包 pillow-heif；请改用 JPEG。",
    ),
    (
        r"The picture has only (\d+) x (\d+) pixels; choose one with at least (\d+) on each side\.",
        lambda width, height, least: f"图片只有 {width} x {height} 像素；请选一张每边至少 {least} 像素的。",
    ),
    (
        r"The picture is too large; at most (\d+) megapixels are taken, so make it smaller first\.",
        lambda most: f"图片太大；最多 {most} 百万像素，请先缩小。",
    ),
    (
        r"The picture (?:has|would have) ([\d,]+) x ([\d,]+) pixels; at most (\d+) megapixels .*so make it smaller first\.",
        lambda width, height, most: f"图片有 {width} x {height} 像素；最多 {most} 百万像素，请先缩小。",
    ),
    (
        r"The picture is truncated or damaged; choose another file, or save it anew\.",
        lambda: "图片不完整或已损坏；请另选一个文件，或重新保存。",
    ),
    (
        r"The mask is outside the face, and this model can only fill faces: mark a part of the face\.",
        lambda: "涂掉的部分不在脸上，而这个模型只能补全人脸：请涂在脸上。",
    ),
    (r"The mask covers the whole picture: mark less\.", lambda: "整张图片都涂掉了：请少涂一些。"),
)
